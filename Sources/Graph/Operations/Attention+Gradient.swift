import Foundation

/// Gradients of `Attention`. With p the softmax, recomputed as `exp(q k^T / sqrt(D) - logSumExp)`:
///
///     delta = rowsum(do * o) - dLogSumExp,   ds = p * (do v^T - delta)
///     dq = ds k / sqrt(D),   dk = ds^T q / sqrt(D),   dv = p^T do
///
/// Shapes: q, o and do [N, T, heads D], k and v [N, S, heads D], logSumExp f32 [N, heads, T], then
/// dLogSumExp alike if `hasLogSumExpGradient`; dq as q, dk as k, dv as v.
///
/// - Source: Dao 2023, arXiv 2307.08691, section 2.3.2.
public struct AttentionGradient: Operation {
  public static let name = "attention_gradient"
  public let heads: Int
  public let isCausal: Bool
  /// The logarithms are differentiated too; only checks of the gradient do that.
  public let hasLogSumExpGradient: Bool

  public init(heads: Int, isCausal: Bool = false, hasLogSumExpGradient: Bool = false) {
    self.heads = heads
    self.isCausal = isCausal
    self.hasLogSumExpGradient = hasLogSumExpGradient
  }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    let count = hasLogSumExpGradient ? 7 : 6
    try requireShape(
      inputs.count == count, "takes q, k, v, o, logSumExp, do and perhaps dLogSumExp")
    let sizes = try AttentionSizes(q: inputs[0], k: inputs[1], v: inputs[2], heads: heads)
    try requireShape(
      inputs[3] == inputs[0] && inputs[5] == inputs[0], "o and do have q's shape and storage")
    let statistics = TensorType([sizes.n, heads, sizes.t], .f32)
    try requireShape(
      inputs[4] == statistics && (count == 6 || inputs[6] == statistics),
      "the logarithms are \(statistics)")
    return Array(inputs.prefix(3))
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let sizes = AttentionSizes(checked: inputs.map(\.type), heads: heads)
    var results = outputs.map { HostTensor(zeros: $0) }
    for n in 0..<sizes.n {
      for h in 0..<heads {
        let gradients = headGradients(inputs, sizes, sample: n, head: h)
        for (i, rows) in [sizes.t, sizes.s, sizes.s].enumerated() {
          sizes.write(gradients[i], to: &results[i].values, sample: n, head: h, rows: rows)
        }
      }
    }
    return results
  }

  /// dq, dk and dv of one head.
  private func headGradients(
    _ inputs: [HostTensor], _ sizes: AttentionSizes, sample n: Int, head h: Int
  ) -> [[Double]] {
    let (t, s, d) = (sizes.t, sizes.s, sizes.d)
    let rows = [t, s, s, t, 0, t]
    let head = { (i: Int) in sizes.head(inputs[i].values, sample: n, head: h, rows: rows[i]) }
    let (q, k, v, o, dO) = (head(0), head(1), head(2), head(3), head(5))
    var p = sizes.scores(q, k)
    var dS = [Double](repeating: 0, count: t * s)
    accumulateProduct(
      dO[...], rowMajor(v, rows: d, columns: s, transposed: true)[...], into: &dS,
      sizes: (t, s, d))
    for row in 0..<t {
      let statistic = (n * heads + h) * t + row
      var delta = hasLogSumExpGradient ? -inputs[6].values[statistic] : 0
      for i in (row * d)..<((row + 1) * d) { delta += dO[i] * o[i] }
      for column in 0..<s {
        let i = row * s + column
        let isSeen = !isCausal || column <= row
        p[i] = isSeen ? exp(p[i] - inputs[4].values[statistic]) : 0
        dS[i] = p[i] * (dS[i] - delta) * sizes.scale
      }
    }
    var gradients = [t, s, s].map { [Double](repeating: 0, count: $0 * d) }
    accumulateProduct(dS[...], k[...], into: &gradients[0], sizes: (t, d, s))
    let transposed = { (matrix: [Double]) in
      rowMajor(matrix, rows: s, columns: t, transposed: true)[...]
    }
    accumulateProduct(transposed(dS), q[...], into: &gradients[1], sizes: (s, d, t))
    accumulateProduct(transposed(p), dO[...], into: &gradients[2], sizes: (s, d, t))
    return gradients
  }

  public func flopCount(_ inputs: [TensorType], outputs: [TensorType]) -> Int {
    AttentionSizes(checked: inputs, heads: heads).productFlopCount * 5 / (isCausal ? 2 : 1)
  }
}
