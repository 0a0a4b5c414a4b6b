import Graph

/// How parameters move by their gradients: the nodes of an update, for any of the parameters.
///
/// A conformance holds the rule's settings; it stands in the file named after the rule.
public protocol OptimizerRule: Sendable, Hashable {
  /// Whether a parameter's update needs nothing of the others: updates can then be placed one by one,
  /// each as soon as its gradient is complete. Else one call of `update` must name all parameters.
  var isSeparable: Bool { get }

  /// What the rule keeps of a parameter from one update to the next, zero at the start, in the order
  /// of roles: first moment, second moment, ...
  func states(of parameter: Variable) -> [Variable]

  /// What it keeps beside that, once for all parameters, with the values at the start.
  var sharedStates: [(variable: Variable, initial: [Float])] { get }

  /// Adds the update of some parameters to a graph: declares their states there, and assigns weights
  /// and states anew. Parameters of one call share launches where they can.
  func update(_ graph: Graph, _ parameters: [UpdatedParameter], _ context: UpdateContext)
}

extension OptimizerRule {
  public var isSeparable: Bool { true }
  public var sharedStates: [(variable: Variable, initial: [Float])] { [] }
}

/// A parameter that is updated, in a graph.
public struct UpdatedParameter {
  /// Name and storage.
  public let variable: Variable
  /// Position among all trained parameters, in whichever graph: what its random numbers depend on.
  public let index: Int
  /// The variable in this graph, before the update: f32, f16 or bf16.
  public let weight: Tensor
  /// In the weight's shape: f32, f16 or bf16.
  public let gradient: Tensor
  /// Whether weight decay applies to it.
  public var isDecayed: Bool

  public init(
    variable: Variable, index: Int, weight: Tensor, gradient: Tensor, isDecayed: Bool = true
  ) {
    self.variable = variable
    self.index = index
    self.weight = weight
    self.gradient = gradient
    self.isDecayed = isDecayed
  }
}

/// What the parameters of an update have in common.
public struct UpdateContext {
  /// f32 [1].
  public let learningRate: Tensor
  /// Updates made, this one included: f32 [1], on the device because skipped ones do not count.
  public let step: Tensor
  /// What gradients are multiplied by; nothing changes where it is negative. f32 [1].
  public let scale: Tensor
  /// Of stochastic rounding.
  public let seed: UInt64

  public init(learningRate: Tensor, step: Tensor, scale: Tensor, seed: UInt64) {
    self.learningRate = learningRate
    self.step = step
    self.scale = scale
    self.seed = seed
  }
}
