import Foundation

/// One update of AdamW for n parameters. With `g = scale gradient` and t the count of updates:
///
///     p *= 1 - learningRate weightDecay
///     m = beta1 m + (1 - beta1) g
///     v = beta2 v + (1 - beta2) g^2
///     p -= learningRate / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
///
/// Nothing changes where scale < 0. Inputs: learningRate, t, scale f32 [1]; then n parameters, n
/// gradients, n first moments m, n second moments v, each n in the same order and shapes; moments
/// are f32. Outputs: n parameters, n first moments, n second moments.
/// - Source: Loshchilov and Hutter, arXiv 1711.05101; `torch.optim.AdamW`.
public struct AdamW: Operation {
  public static let name = "adamw"
  public let beta1: Double
  public let beta2: Double
  public let epsilon: Double
  public let weightDecay: Double
  /// Number of parameters.
  public let count: Int

  public init(beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double, count: Int) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.count = count
  }

  public var inPlacePairs: [(input: Int, output: Int)] {
    (0..<count).map { (3 + $0, $0) } + (0..<2 * count).map { (3 + 2 * count + $0, count + $0) }
  }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    let scalar = TensorType([1], .f32)
    try requireShape(
      count > 0 && inputs.count == 3 + 4 * count,
      "takes 3 scalars and \(count) parameters, gradients and moments, not \(inputs.count) inputs")
    try requireShape(
      inputs[..<3].allSatisfy { $0 == scalar }, "learningRate, t and scale are not \(scalar)")
    let parameters = inputs[3..<3 + count]
    for (index, parameter) in parameters.enumerated() {
      let gradient = inputs[3 + count + index]
      try requireShape(
        gradient.shape == parameter.shape, "gradient \(gradient) of parameter \(parameter)")
      for moment in [inputs[3 + 2 * count + index], inputs[3 + 3 * count + index]] {
        try requireShape(
          moment == TensorType(parameter.shape, .f32), "moment \(moment) of parameter \(parameter)")
      }
    }
    return Array(parameters) + Array(inputs[(3 + 2 * count)...])
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let (learningRate, t, scale) = (
      inputs[0].values[0], inputs[1].values[0], inputs[2].values[0]
    )
    var parameters = Array(inputs[3..<3 + count])
    var first = Array(inputs[(3 + 2 * count)..<(3 + 3 * count)])
    var second = Array(inputs[(3 + 3 * count)...])
    if scale < 0 { return parameters + first + second }
    let rate = learningRate / -expm1(t * log(beta1))
    let correction = (-expm1(t * log(beta2))).squareRoot()
    for tensor in 0..<count {
      for (element, gradient) in inputs[3 + count + tensor].values.enumerated() {
        let g = scale * gradient
        let m = beta1 * first[tensor].values[element] + (1 - beta1) * g
        let v = beta2 * second[tensor].values[element] + (1 - beta2) * g * g
        let decayed = parameters[tensor].values[element] * (1 - learningRate * weightDecay)
        parameters[tensor].values[element] =
          decayed - rate * m / (v.squareRoot() / correction + epsilon)
        first[tensor].values[element] = m
        second[tensor].values[element] = v
      }
    }
    return parameters + first + second
  }

  public func flopCount(_ inputs: [TensorType], outputs: [TensorType]) -> Int {
    inputs[3..<3 + count].reduce(0) { $0 + 14 * $1.elementCount }
  }
}
