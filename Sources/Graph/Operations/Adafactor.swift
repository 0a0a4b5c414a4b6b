import Foundation

/// One update of Adafactor without first moment, parameter scale and relative step. With g the scaled
/// gradient, t the count of updates and b = 1 - t^decayExponent:
///
///     factored, a weight as a matrix of its first dimension's rows:
///       R = b R + (1 - b) (row means of g^2 + 1e-30),   C likewise of columns
///       v = R C / mean(R)
///     not factored:
///       v = b v + (1 - b) (g^2 + 1e-30)
///     u = g / sqrt(v),   u /= max(1, rms(u) / clipThreshold)
///     p -= learningRate weightDecay p,   p -= learningRate u
///
/// Inputs: learningRate, t, scale f32 [1]; then for n tensors the weights, gradients, and R [rows] and C
/// [columns] (or v), f32. Outputs: weights, R, C (or v). Nothing changes where scale < 0. Weights of 16
/// bits are rounded stochastically.
/// - Source: Shazeer and Stern, arXiv 1804.04235, algorithms 4 and 5; `Adafactor` of transformers.
public struct Adafactor: Operation {
  public static let name = "adafactor"
  /// Below 0: how the average of squares lengthens.
  public let decayExponent: Double
  /// Root mean square of an update above which it is scaled down to it.
  public let clipThreshold: Double
  public let weightDecay: Double
  /// Whether squares are kept as row and column means.
  public let isFactored: Bool
  /// Which tensors are updated.
  public let tensors: UpdatedTensors

  /// Added to squares.
  public static let epsilon = 1e-30

  public init(
    decayExponent: Double, clipThreshold: Double, weightDecay: Double, isFactored: Bool,
    tensors: UpdatedTensors
  ) {
    self.decayExponent = decayExponent
    self.clipThreshold = clipThreshold
    self.weightDecay = weightDecay
    self.isFactored = isFactored
    self.tensors = tensors
  }

  /// Row and column means, or the squares' average of a weight.
  public func states(_ weight: TensorType) -> [TensorType] {
    guard isFactored else { return [TensorType(weight.shape)] }
    let rows = weight.shape[0]
    return [TensorType([rows]), TensorType([weight.elementCount / rows])]
  }

  private var roleCount: Int { isFactored ? 4 : 3 }

  public var inPlacePairs: [(input: Int, output: Int)] {
    let n = tensors.count
    return (0..<n).map { (3 + $0, $0) }
      + (0..<(roleCount - 2) * n).map { (3 + 2 * n + $0, n + $0) }
  }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    let n = tensors.count
    try requireUpdate(inputs, tensors: n, roles: roleCount)
    for tensor in 0..<n {
      let roles = (0..<roleCount).map { inputs[3 + $0 * n + tensor] }
      // Kernels find an element's row through f32.
      try requireShape(
        !isFactored || (roles[0].rank > 1 && roles[0].shape[0] < 1 << 20),
        "\(roles[0]) is no matrix of less than 2^20 rows")
      try requireRoles(roles, states: states(roles[0]))
    }
    return updatedRoles(of: inputs, tensors: n)
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let n = tensors.count
    let (learningRate, t, scale) = (
      inputs[0].values[0], inputs[1].values[0], inputs[2].values[0]
    )
    var results = updatedRoles(of: inputs, tensors: n)
    if scale < 0 { return results }
    let decay = 1 - pow(t, decayExponent)
    for tensor in 0..<n {
      let g = inputs[3 + n + tensor].values.map { scale * $0 }
      let states = (1..<roleCount - 1).map { results[$0 * n + tensor].values }
      let (averaged, roots) =
        isFactored
        ? factored(g, states, decay: decay)
        : flat(g, states[0], decay: decay)
      for (role, values) in averaged.enumerated() {
        results[(1 + role) * n + tensor].values = values
      }
      let u = zip(g, roots).map { $0 / $1 }
      let rms = (u.reduce(0) { $0 + $1 * $1 } / Double(u.count)).squareRoot()
      let rate = learningRate / max(1, rms / clipThreshold)
      let random = UpdateRandom(
        seed: tensors.seed, tensor: tensors.indices[tensor], step: t, role: 0)
      for (element, u) in u.enumerated() {
        let weight = results[tensor].values[element]
        results[tensor].values[element] = random.rounded(
          weight - learningRate * weightDecay * weight - rate * u,
          to: results[tensor].type.dtype, element: element)
      }
    }
    return results
  }

  /// Averages, and the root of v for each element.
  private func flat(
    _ g: [Double], _ v: [Double], decay: Double
  ) -> (states: [[Double]], roots: [Double]) {
    let averaged = zip(g, v).map { decay * $1 + (1 - decay) * ($0 * $0 + Self.epsilon) }
    return ([averaged], averaged.map { $0.squareRoot() })
  }

  private func factored(
    _ g: [Double], _ states: [[Double]], decay: Double
  ) -> (states: [[Double]], roots: [Double]) {
    let (rows, columns) = (states[0].count, states[1].count)
    var (rowSums, columnSums) = (
      [Double](repeating: 0, count: rows), [Double](repeating: 0, count: columns)
    )
    for row in 0..<rows {
      for column in 0..<columns {
        let square = g[row * columns + column] * g[row * columns + column] + Self.epsilon
        rowSums[row] += square
        columnSums[column] += square
      }
    }
    let r = zip(states[0], rowSums).map { decay * $0 + (1 - decay) * $1 / Double(columns) }
    let c = zip(states[1], columnSums).map { decay * $0 + (1 - decay) * $1 / Double(rows) }
    let mean = r.reduce(0, +) / Double(rows)
    let roots = (0..<g.count).map { (r[$0 / columns] / mean * c[$0 % columns]).squareRoot() }
    return ([r, c], roots)
  }

  public func flopCount(_ inputs: [TensorType], outputs: [TensorType]) -> Int {
    inputs[3..<3 + tensors.count].reduce(0) { $0 + 16 * $1.elementCount }
  }
}
