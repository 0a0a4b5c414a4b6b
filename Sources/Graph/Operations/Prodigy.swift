import Foundation

/// The first part of an update of Prodigy: moments in units of the distance d, and what d is estimated
/// from. With g the scaled gradient, r = d learningRate c, c = sqrt(1 - beta2^t) / (1 - beta1^t) or 1,
/// beta3 = sqrt(beta2), and p0 the weights before the first update:
///
///     m = beta1 m + d (1 - beta1) g
///     v = beta2 v + d^2 (1 - beta2) g^2
///     s = beta3 s + d / d0 r g          (d / d0 d g where the warmup is safeguarded)
///     sums = (sum of g (p0 - p), sum of |s|) over all tensors
///
/// Inputs: learningRate, t, scale f32 [1]; for n tensors the weights, gradients, m, v, s (f32) and p0 (as
/// the weights); control f32 [2], d and the numerator. Outputs: m, v, s, p0, sums f32 [2]. At t = 1, p0 is
/// taken from the weights. Nothing changes where scale < 0.
/// - Source: Mishchenko and Defazio, arXiv 2306.06101, algorithm 4; `prodigyopt`.
public struct ProdigyMoments: Operation {
  public static let name = "prodigy_moments"
  public let rule: ProdigyRule
  public let tensors: UpdatedTensors

  public init(rule: ProdigyRule, tensors: UpdatedTensors) {
    self.rule = rule
    self.tensors = tensors
  }

  public var inPlacePairs: [(input: Int, output: Int)] {
    let n = tensors.count
    return (0..<4 * n).map { (3 + 2 * n + $0, $0) }
  }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    let n = tensors.count
    try requireShape(inputs.last == TensorType([2]), "control is not \(TensorType([2]))")
    try requireUpdate(Array(inputs.dropLast()), tensors: n, roles: 6)
    for tensor in 0..<n {
      let roles = (0..<6).map { inputs[3 + $0 * n + tensor] }
      let states = [TensorType](repeating: TensorType(roles[0].shape), count: 3) + [roles[0]]
      try requireShape(
        roles[1].shape == roles[0].shape && DType.storage.contains(roles[0].dtype)
          && DType.storage.contains(roles[1].dtype) && Array(roles[2...]) == states,
        "states \(roles[1...]) of the weight \(roles[0])")
    }
    return Array(inputs[(3 + 2 * n)..<(3 + 6 * n)]) + [TensorType([2])]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let n = tensors.count
    let (learningRate, t, scale) = (
      inputs[0].values[0], inputs[1].values[0], inputs[2].values[0]
    )
    var results = Array(inputs[(3 + 2 * n)..<(3 + 6 * n)])
    var sums = [0.0, 0.0]
    if scale < 0 { return results + [HostTensor(outputs[4 * n], sums)] }
    let d = inputs[inputs.count - 1].values[0]
    let factor = d / rule.d0 * rule.pace(d: d, learningRate: learningRate, t: t)
    for tensor in 0..<n {
      let weights = inputs[3 + tensor].values
      if t == 1 { results[3 * n + tensor].values = weights }
      for (element, gradient) in inputs[3 + n + tensor].values.enumerated() {
        let g = scale * gradient
        sums[0] += g * (results[3 * n + tensor].values[element] - weights[element])
        let m = results[tensor].values[element]
        results[tensor].values[element] = rule.beta1 * m + d * (1 - rule.beta1) * g
        let v = results[n + tensor].values[element]
        results[n + tensor].values[element] = rule.beta2 * v + d * d * (1 - rule.beta2) * g * g
        let s = rule.beta3 * results[2 * n + tensor].values[element] + factor * g
        results[2 * n + tensor].values[element] = s
        sums[1] += abs(s)
      }
    }
    return results + [HostTensor(outputs[4 * n], sums)]
  }
}

/// Settings of Prodigy that its operations share.
public struct ProdigyRule: Hashable, Sendable {
  public let beta1: Double
  public let beta2: Double
  /// Added to the root of v, times d.
  public let epsilon: Double
  /// The first estimate of the distance.
  public let d0: Double
  /// Factor of the estimate.
  public let dCoefficient: Double
  /// Whether moments are corrected as in Adam.
  public let correctsBias: Bool
  /// Whether the learning rate is left out of s, so that a warmup does not inflate d.
  public let safeguardsWarmup: Bool

  public init(
    beta1: Double, beta2: Double, epsilon: Double, d0: Double, dCoefficient: Double,
    correctsBias: Bool, safeguardsWarmup: Bool
  ) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.d0 = d0
    self.dCoefficient = dCoefficient
    self.correctsBias = correctsBias
    self.safeguardsWarmup = safeguardsWarmup
  }

  /// Decay of s and of the numerator.
  public var beta3: Double { beta2.squareRoot() }

  /// r: the step in units of m / sqrt(v).
  func rate(d: Double, learningRate: Double, t: Double) -> Double {
    guard correctsBias else { return d * learningRate }
    return d * learningRate * (-expm1(t * log(beta2))).squareRoot() / -expm1(t * log(beta1))
  }

  /// What gradients are added to s by, but for d / d0.
  func pace(d: Double, learningRate: Double, t: Double) -> Double {
    safeguardsWarmup ? d : rate(d: d, learningRate: learningRate, t: t)
  }
}

/// The second part: the distance.
///
///     numerator = beta3 numerator + d / d0 r sums[0]
///     d' = max(d, dCoefficient numerator / sums[1])
///
/// Inputs: learningRate, t, scale f32 [1]; sums f32 [2] of `ProdigyMoments`; control f32 [2], d and the
/// numerator. Outputs: control; steps f32 [3]: r, d' epsilon, and scale, below 0 where nothing is to be
/// updated: it was before, or all gradients are 0, which changes nothing either.
public struct ProdigyDistance: Operation {
  public static let name = "prodigy_distance"
  public let rule: ProdigyRule

  public init(rule: ProdigyRule) { self.rule = rule }

  public var inPlacePairs: [(input: Int, output: Int)] { [(4, 0)] }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    let (one, two) = (TensorType([1]), TensorType([2]))
    try requireShape(inputs == [one, one, one, two, two], "takes 3 scalars, sums and control")
    return [two, TensorType([3])]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let (learningRate, t, scale) = (
      inputs[0].values[0], inputs[1].values[0], inputs[2].values[0]
    )
    let (sums, d) = (inputs[3].values, inputs[4].values[0])
    guard scale >= 0, sums[1] > 0 else {
      return [inputs[4], HostTensor(outputs[1], [0, 0, -1])]
    }
    let rate = rule.rate(d: d, learningRate: learningRate, t: t)
    let numerator = rule.beta3 * inputs[4].values[1] + d / rule.d0 * rate * sums[0]
    let next = max(d, rule.dCoefficient * numerator / sums[1])
    return [
      HostTensor(outputs[0], [next, numerator]),
      HostTensor(outputs[1], [rate, next * rule.epsilon, scale]),
    ]
  }
}

/// The third part: `p -= weightDecay r p`, `p -= r m / (sqrt(v) + d epsilon)`.
///
/// Inputs: steps f32 [3] of `ProdigyDistance`; t, scale f32 [1]; for n tensors the weights, m and v (f32).
/// Outputs: weights, those of 16 bits rounded stochastically. Nothing changes where steps[2] < 0.
public struct ProdigyUpdate: Operation {
  public static let name = "prodigy"
  public let weightDecay: Double
  public let tensors: UpdatedTensors

  public init(weightDecay: Double, tensors: UpdatedTensors) {
    self.weightDecay = weightDecay
    self.tensors = tensors
  }

  public var inPlacePairs: [(input: Int, output: Int)] {
    (0..<tensors.count).map { (3 + $0, $0) }
  }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    let n = tensors.count
    try requireShape(
      inputs.count == 3 + 3 * n
        && Array(inputs[..<3]) == [TensorType([3]), TensorType([1]), TensorType([1])],
      "takes steps, t, scale, and \(n) weights and moments")
    let weights = Array(inputs[3..<3 + n])
    for (index, input) in inputs[(3 + n)...].enumerated() {
      try requireShape(
        input == TensorType(weights[index % n].shape),
        "moment \(input) of the weight \(weights[index % n])")
    }
    return weights
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let n = tensors.count
    let steps = inputs[0].values
    return (0..<n).map { tensor in
      var weights = inputs[3 + tensor]
      if steps[2] < 0 { return weights }
      let (m, v) = (inputs[3 + n + tensor].values, inputs[3 + 2 * n + tensor].values)
      let random = UpdateRandom(
        seed: tensors.seed, tensor: tensors.indices[tensor], step: inputs[1].values[0], role: 0)
      for element in m.indices {
        let decayed = weights.values[element] * (1 - weightDecay * steps[0])
        weights.values[element] = random.rounded(
          decayed - steps[0] * m[element] / (v[element].squareRoot() + steps[1]),
          to: weights.type.dtype, element: element)
      }
      return weights
    }
  }
}
