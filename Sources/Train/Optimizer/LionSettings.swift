import Graph

/// Lion; defaults of the paper.
/// - Source: Chen et al., arXiv 2302.06675.
public struct LionSettings: ElementwiseRule {
  /// Weight of the momentum in the direction, in [0, 1).
  public var beta1: Double
  /// Decay of the momentum, in [0, 1).
  public var beta2: Double
  /// Decoupled weight decay, times the learning rate.
  public var weightDecay: Double
  /// Storage of the momentum: f32 or bf16.
  public var stateDType: DType

  public init(
    beta1: Double = 0.9, beta2: Double = 0.99, weightDecay: Double = 0, stateDType: DType = .f32
  ) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.weightDecay = weightDecay
    self.stateDType = stateDType
  }

  var stateNames: [(String) -> String] { [StateName.firstMoment] }

  func operation(_ tensors: UpdatedTensors, isDecayed: Bool) -> Lion {
    Lion(
      beta1: beta1, beta2: beta2, weightDecay: isDecayed ? weightDecay : 0, tensors: tensors)
  }
}
