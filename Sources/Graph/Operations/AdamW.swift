import Foundation

/// One update of AdamW. With g the scaled gradient and t the count of updates:
///
///     p *= 1 - learningRate weightDecay
///     m = beta1 m + (1 - beta1) g
///     v = beta2 v + (1 - beta2) g^2
///     p -= learningRate / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
///
/// Inputs and outputs as in `ElementwiseUpdate`, with the states m and v.
/// - Source: Loshchilov and Hutter, arXiv 1711.05101; `torch.optim.AdamW`.
public struct AdamW: ElementwiseUpdate {
  public static let name = "adamw"
  public static let stateCount = 2
  public static let flopsOfElement = 14
  public let beta1: Double
  public let beta2: Double
  public let epsilon: Double
  public let weightDecay: Double
  public let tensors: UpdatedTensors

  public init(
    beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double, tensors: UpdatedTensors
  ) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.tensors = tensors
  }

  public func rule(
    learningRate: Double, t: Double
  ) -> (_ weight: inout Double, _ states: inout [Double], _ gradient: Double) -> Void {
    let rate = learningRate / -expm1(t * log(beta1))
    let correction = (-expm1(t * log(beta2))).squareRoot()
    return { weight, states, g in
      states[0] = beta1 * states[0] + (1 - beta1) * g
      states[1] = beta2 * states[1] + (1 - beta2) * g * g
      weight *= 1 - learningRate * weightDecay
      weight -= rate * states[0] / (states[1].squareRoot() / correction + epsilon)
    }
  }
}
