import Foundation

/// One update of AdamW with moments in 8 bits. In blocks of 256 elements, `m = map[code] absmax`, and
/// with g the scaled gradient, t the count of updates and c = sqrt(1 - beta2^t):
///
///     m = beta1 m + (1 - beta1) g
///     v = beta2 v + (1 - beta2) g^2
///     p -= learningRate c / (1 - beta1^t) m / (sqrt(v) + epsilon c)
///     p *= 1 - learningRate weightDecay
///
/// Then each block gets its largest magnitude as absmax, and each element the nearest code
/// (`DynamicMap`); a moment m whose sign the code would change moves one code towards its own. An
/// element whose gradient is not finite is left alone, and its moments become 0.
///
/// Inputs: learningRate, t, scale f32 [1]; then for n tensors the weights, gradients, codes of m and of v
/// (u8, the weight's shape), absmax of m and of v (f32 [blocks]). Outputs: weights, codes, absmax.
/// Nothing changes where scale < 0. Weights of 16 bits are rounded stochastically.
/// - Source: Dettmers et al., arXiv 2110.02861; bitsandbytes, `kOptimizerStatic8bit2StateBlockwise`.
public struct AdamW8Bit: Operation {
  public static let name = "adamw_8bit"
  public let beta1: Double
  public let beta2: Double
  public let epsilon: Double
  public let weightDecay: Double
  /// Which tensors are updated.
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

  /// Codes and absmax of both moments of a weight.
  public static func states(_ weight: TensorType) -> [TensorType] {
    let blocks = (weight.elementCount + DynamicMap.blockSize - 1) / DynamicMap.blockSize
    let (codes, scales) = (TensorType(weight.shape, .u8), TensorType([blocks]))
    return [codes, codes, scales, scales]
  }

  public var inPlacePairs: [(input: Int, output: Int)] {
    let n = tensors.count
    return (0..<n).map { (3 + $0, $0) } + (0..<4 * n).map { (3 + 2 * n + $0, n + $0) }
  }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    let n = tensors.count
    try requireUpdate(inputs, tensors: n, roles: 6)
    for tensor in 0..<n {
      let roles = (0..<6).map { inputs[3 + $0 * n + tensor] }
      try requireRoles(roles, states: Self.states(roles[0]))
    }
    return updatedRoles(of: inputs, tensors: n)
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let n = tensors.count
    var results = updatedRoles(of: inputs, tensors: n)
    if inputs[2].values[0] < 0 { return results }
    for tensor in 0..<n {
      let random = UpdateRandom(
        seed: tensors.seed, tensor: tensors.indices[tensor], step: inputs[1].values[0], role: 0)
      let gradient = inputs[3 + n + tensor].values
      for start in stride(from: 0, to: gradient.count, by: DynamicMap.blockSize) {
        let block = start..<min(start + DynamicMap.blockSize, gradient.count)
        update(block, gradient, scalars: inputs[..<3], random, tensor, &results)
      }
    }
    return results
  }

  private func update(
    _ block: Range<Int>, _ gradient: [Double], scalars: ArraySlice<HostTensor>,
    _ random: UpdateRandom, _ tensor: Int, _ results: inout [HostTensor]
  ) {
    let (learningRate, t, scale) = (
      scalars[0].values[0], scalars[1].values[0], scalars[2].values[0]
    )
    let n = tensors.count
    let (weights, scales) = (tensor, block.lowerBound / DynamicMap.blockSize)
    func moment(_ role: Int, _ map: [Float]) -> [Double] {
      let absmax = results[(2 + role) * n + tensor].values[scales]
      return block.map { element in
        Double(map[Int(results[role * n + tensor].values[element])]) * absmax
      }
    }
    var (m, v) = (moment(1, DynamicMap.signed), moment(2, DynamicMap.unsigned))
    let correction = (-expm1(t * log(beta2))).squareRoot()
    let rate = learningRate * correction / -expm1(t * log(beta1))
    for (place, element) in block.enumerated() {
      let g = scale * gradient[element]
      guard g.isFinite else {
        (m[place], v[place]) = (0, 0)
        continue
      }
      m[place] = beta1 * m[place] + (1 - beta1) * g
      v[place] = beta2 * v[place] + (1 - beta2) * g * g
      var weight = results[weights].values[element]
      weight -= rate * m[place] / (v[place].squareRoot() + epsilon * correction)
      weight *= 1 - learningRate * weightDecay
      results[weights].values[element] = random.rounded(
        weight, to: results[weights].type.dtype, element: element)
    }
    for (role, values, map) in [(1, m, DynamicMap.signed), (2, v, DynamicMap.unsigned)] {
      let absmax = values.reduce(0) { max($0, abs($1)) }
      results[(2 + role) * n + tensor].values[scales] = absmax
      for (value, element) in zip(values, block) {
        results[role * n + tensor].values[element] = Double(
          Self.code(value, absmax: absmax, map))
      }
    }
  }

  private static func code(_ value: Double, absmax: Double, _ map: [Float]) -> Int {
    let code = DynamicMap.nearestCode(absmax > 0 ? value / absmax : 0, in: map)
    if (map[code] < 0) == (value < 0) { return code }
    return value > 0 ? code + 1 : code - 1
  }

  public func flopCount(_ inputs: [TensorType], outputs: [TensorType]) -> Int {
    inputs[3..<3 + tensors.count].reduce(0) { $0 + 40 * $1.elementCount }
  }
}
