import Graph

/// The update rule of a run and what it applies to.
public struct OptimizerSettings: Sendable, Hashable {
  /// A rule with its settings.
  public enum Kind: Sendable, Hashable {
    case adamW(AdamWSettings)
    case adamW8Bit(AdamW8BitSettings)
    case adafactor(AdafactorSettings)
    case lion(LionSettings)
    case prodigy(ProdigySettings)
  }

  /// A rule with its settings.
  public var kind: Kind
  /// Whether weight decay applies to norms and biases (all parameters of one dimension) too, as in
  /// torch.
  public var decaysNormsAndBiases: Bool

  public init(
    _ kind: Kind = .adamW(AdamWSettings()), decaysNormsAndBiases: Bool = true
  ) {
    self.kind = kind
    self.decaysNormsAndBiases = decaysNormsAndBiases
  }

  /// The rule.
  public var rule: any OptimizerRule {
    switch kind {
    case .adamW(let settings): settings
    case .adamW8Bit(let settings): settings
    case .adafactor(let settings): settings
    case .lion(let settings): settings
    case .prodigy(let settings): settings
    }
  }

  /// Variables beside the parameters, in the order of storage: roles side by side.
  public func states(_ parameters: [Variable]) -> [Variable] {
    let states = parameters.map(rule.states)
    let roles = states.map(\.count).max() ?? 0
    return (0..<roles).flatMap { role in
      states.compactMap { role < $0.count ? $0[role] : nil }
    } + rule.sharedStates.map(\.variable)
  }

  /// Adds the update of some parameters to a graph; of all of them, unless the rule is separable.
  public func update(
    _ graph: Graph, _ parameters: [UpdatedParameter], _ context: UpdateContext
  ) {
    let marked = parameters.map { parameter in
      var parameter = parameter
      parameter.isDecayed = decaysNormsAndBiases || parameter.variable.type.rank > 1
      return parameter
    }
    rule.update(graph, marked, context)
  }
}
