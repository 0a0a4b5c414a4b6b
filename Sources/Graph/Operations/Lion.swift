/// One update of Lion. With g the scaled gradient:
///
///     p *= 1 - learningRate weightDecay
///     p -= learningRate sign(beta1 m + (1 - beta1) g)
///     m = beta2 m + (1 - beta2) g
///
/// Inputs and outputs as in `ElementwiseUpdate`, with the state m. sign(0) is 0.
/// - Source: Chen et al., arXiv 2302.06675, algorithm 2.
public struct Lion: ElementwiseUpdate {
  public static let name = "lion"
  public static let stateCount = 1
  public static let flopsOfElement = 9
  public let beta1: Double
  public let beta2: Double
  public let weightDecay: Double
  public let tensors: UpdatedTensors

  public init(beta1: Double, beta2: Double, weightDecay: Double, tensors: UpdatedTensors) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.weightDecay = weightDecay
    self.tensors = tensors
  }

  public func rule(
    learningRate: Double, t: Double
  ) -> (_ weight: inout Double, _ states: inout [Double], _ gradient: Double) -> Void {
    { weight, states, g in
      let direction = beta1 * states[0] + (1 - beta1) * g
      weight *= 1 - learningRate * weightDecay
      weight -= learningRate * (direction > 0 ? 1 : direction < 0 ? -1 : 0)
      states[0] = beta2 * states[0] + (1 - beta2) * g
    }
  }
}
