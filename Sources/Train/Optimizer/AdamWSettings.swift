import Graph

/// AdamW; defaults as in torch.
/// - Source: Loshchilov and Hutter, arXiv 1711.05101; `torch.optim.AdamW`.
public struct AdamWSettings: ElementwiseRule {
  /// Decay of the first moment, in [0, 1).
  public var beta1: Double
  /// Decay of the second moment, in [0, 1).
  public var beta2: Double
  /// Added to the root of the second moment.
  public var epsilon: Double
  /// Decoupled weight decay, times the learning rate.
  public var weightDecay: Double
  /// Storage of the moments: f32 or bf16.
  public var stateDType: DType

  public init(
    beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
    weightDecay: Double = 0.01, stateDType: DType = .f32
  ) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.stateDType = stateDType
  }

  var stateNames: [(String) -> String] { [StateName.firstMoment, StateName.secondMoment] }

  func operation(_ tensors: UpdatedTensors, isDecayed: Bool) -> AdamW {
    AdamW(
      beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: isDecayed ? weightDecay : 0,
      tensors: tensors)
  }
}
