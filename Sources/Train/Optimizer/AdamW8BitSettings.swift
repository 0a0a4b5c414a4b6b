import Graph

/// AdamW with 8-bit moments; tensors of less than 4096 elements keep f32 moments and torch's order of
/// decay, which differs by the square of the learning rate.
/// - Source: Dettmers et al., arXiv 2110.02861; `bitsandbytes.optim.AdamW8bit`.
public struct AdamW8BitSettings: OptimizerRule {
  /// Decay of the first moment, in [0, 1).
  public var beta1: Double
  /// Decay of the second moment, in [0, 1).
  public var beta2: Double
  /// Added to the root of the second moment.
  public var epsilon: Double
  /// Decoupled weight decay, times the learning rate.
  public var weightDecay: Double

  /// Elements from which a tensor's moments are quantised.
  public static let smallestElementCount = 4096

  public init(
    beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0.01
  ) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
  }

  private var small: AdamWSettings {
    AdamWSettings(beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay)
  }

  private static func isSmall(_ parameter: Variable) -> Bool {
    parameter.type.elementCount < smallestElementCount
  }

  public func states(of parameter: Variable) -> [Variable] {
    if Self.isSmall(parameter) { return small.states(of: parameter) }
    let names = [
      StateName.firstMoment, StateName.secondMoment, StateName.firstMomentScale,
      StateName.secondMomentScale,
    ]
    return zip(names, AdamW8Bit.states(parameter.type)).map { name, type in
      Variable(name: name(parameter.name), type: type, kind: .state)
    }
  }

  public func update(
    _ graph: Graph, _ parameters: [UpdatedParameter], _ context: UpdateContext
  ) {
    small.update(graph, parameters.filter { Self.isSmall($0.variable) }, context)
    let large = parameters.filter { !Self.isSmall($0.variable) }
    for isDecayed in [true, false] {
      let tensors = large.filter { $0.isDecayed == isDecayed }
      applyUpdate(graph, tensors, context) { updated in
        AdamW8Bit(
          beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: isDecayed ? weightDecay : 0,
          tensors: updated)
      }
    }
  }
}
