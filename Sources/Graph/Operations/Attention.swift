import Foundation

/// `o = softmax(q k^T / sqrt(D)) v` for each head, and the logarithm of the softmax's denominator.
///
/// Shapes: q [N, T, heads D], k and v [N, S, heads D]; o as q, logSumExp f32 [N, heads, T] with
/// `logSumExp[n, h, t] = log sum over s of exp(q[n, t, h] . k[n, s, h] / sqrt(D))`. If `isCausal`,
/// query t sees the keys s <= t only. D is a multiple of 4, at most 512.
///
/// - Source: Vaswani et al. 2017, arXiv 1706.03762, equation 1; kept statistics as in
///   FlashAttention-2, arXiv 2307.08691.
public struct Attention: Operation {
  public static let name = "attention"
  public let heads: Int
  public let isCausal: Bool

  public init(heads: Int, isCausal: Bool = false) {
    self.heads = heads
    self.isCausal = isCausal
  }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(inputs.count == 3, "takes q, k and v")
    let sizes = try AttentionSizes(q: inputs[0], k: inputs[1], v: inputs[2], heads: heads)
    return [inputs[0], TensorType([sizes.n, heads, sizes.t], .f32)]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let sizes = AttentionSizes(checked: inputs.map(\.type), heads: heads)
    var o = HostTensor(zeros: outputs[0])
    var logSumExp = HostTensor(zeros: outputs[1])
    for n in 0..<sizes.n {
      for h in 0..<heads {
        let q = sizes.head(inputs[0].values, sample: n, head: h, rows: sizes.t)
        let k = sizes.head(inputs[1].values, sample: n, head: h, rows: sizes.s)
        let v = sizes.head(inputs[2].values, sample: n, head: h, rows: sizes.s)
        var p = sizes.scores(q, k)
        for t in 0..<sizes.t {
          logSumExp.values[(n * heads + h) * sizes.t + t] = softmax(
            &p, in: (t * sizes.s)..<((t + 1) * sizes.s),
            count: isCausal ? min(t + 1, sizes.s) : sizes.s)
        }
        var result = [Double](repeating: 0, count: q.count)
        accumulateProduct(p[...], v[...], into: &result, sizes: (sizes.t, sizes.d, sizes.s))
        sizes.write(result, to: &o.values, sample: n, head: h, rows: sizes.t)
      }
    }
    return [o, logSumExp]
  }

  /// Softmax of the first `count` scores of a row; the others become zero.
  /// - Returns: the logarithm of the denominator.
  private func softmax(_ scores: inout [Double], in row: Range<Int>, count: Int) -> Double {
    let seen = row.prefix(count)
    let largest = seen.reduce(-Double.infinity) { max($0, scores[$1]) }
    let logarithm = largest + log(seen.reduce(0) { $0 + exp(scores[$1] - largest) })
    for i in row { scores[i] = i < seen.endIndex ? exp(scores[i] - logarithm) : 0 }
    return logarithm
  }

  public func gradient(_ context: GradientContext) -> [Tensor?] {
    let (o, logSumExp) = (context.outputs[0], context.outputs[1])
    let dLogSumExp = context.outputGradients[1]
    guard context.outputGradients[0] != nil || dLogSumExp != nil else { return [nil, nil, nil] }
    let dO = context.outputGradients[0] ?? Tensor.apply(Fill(value: 0), [o])[0]
    let operation = AttentionGradient(
      heads: heads, isCausal: isCausal, hasLogSumExpGradient: dLogSumExp != nil)
    let given = context.inputs + [o, logSumExp, dO] + [dLogSumExp].compactMap { $0 }
    return zip(Tensor.apply(operation, given), context.needs).map { $1 ? $0 : nil }
  }

  public var recomputationCost: RecomputationCost { .heavy }

  public func flopCount(_ inputs: [TensorType], outputs: [TensorType]) -> Int {
    AttentionSizes(checked: inputs, heads: heads).productFlopCount * 2 / (isCausal ? 2 : 1)
  }
}

extension Tensor {
  /// Attention of q [N, T, heads D] to k and v [N, S, heads D], see `Attention`.
  public static func attention(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, heads: Int, isCausal: Bool = false
  ) -> Tensor {
    apply(Attention(heads: heads, isCausal: isCausal), [q, k, v])[0]
  }
}

/// The sizes of an attention, and access to one head of a tensor.
public struct AttentionSizes: Hashable, Sendable {
  /// Samples, queries, keys, heads and head width.
  public let n: Int
  public let t: Int
  public let s: Int
  public let heads: Int
  public let d: Int

  init(q: TensorType, k: TensorType, v: TensorType, heads: Int) throws(ShapeError) {
    try requireShape([q, k, v].allSatisfy { $0.rank == 3 }, "takes three tensors of rank 3")
    try requireShape(k == v, "k and v have the same shape and storage")
    try requireShape(
      q.shape[0] == k.shape[0] && q.shape[2] == k.shape[2], "q and k differ in batch or width")
    try requireShape(k.shape[1] > 0, "there are no keys")
    try requireShape(
      heads > 0 && q.shape[2] % heads == 0, "\(q.shape[2]) channels do not divide into \(heads)")
    let width = q.shape[2] / heads
    try requireShape(
      width % 4 == 0 && 4...512 ~= width, "head width \(width) is no multiple of 4 up to 512")
    self.init(checked: [q, k, v], heads: heads)
  }

  /// - Precondition: the shape rule holds for q, k and v, the first inputs.
  public init(checked inputs: [TensorType], heads: Int) {
    (n, t, s) = (inputs[0].shape[0], inputs[0].shape[1], inputs[1].shape[1])
    self.heads = heads
    d = inputs[0].shape[2] / heads
  }

  /// One of the products q k^T or p v.
  var productFlopCount: Int { 2 * n * heads * t * s * d }

  /// 1 / sqrt(D).
  public var scale: Double { 1 / Double(d).squareRoot() }

  /// q k^T / sqrt(D), [T, S], of one head's q [T, D] and k [S, D].
  func scores(_ q: [Double], _ k: [Double]) -> [Double] {
    var scores = [Double](repeating: 0, count: t * s)
    accumulateProduct(
      q.map { $0 * scale }[...], rowMajor(k, rows: d, columns: s, transposed: true)[...],
      into: &scores, sizes: (t, s, d))
    return scores
  }

  /// [rows, D] of one head out of [N, rows, heads D].
  func head(_ values: [Double], sample: Int, head: Int, rows: Int) -> [Double] {
    var result: [Double] = []
    result.reserveCapacity(rows * d)
    for row in 0..<rows {
      let start = ((sample * rows + row) * heads + head) * d
      result.append(contentsOf: values[start..<(start + d)])
    }
    return result
  }

  func write(
    _ values: [Double], to tensor: inout [Double], sample: Int, head: Int, rows: Int
  ) {
    for row in 0..<rows {
      let start = ((sample * rows + row) * heads + head) * d
      for i in 0..<d { tensor[start + i] = values[row * d + i] }
    }
  }
}
