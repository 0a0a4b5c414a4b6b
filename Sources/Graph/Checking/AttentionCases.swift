extension OperationCase {
  /// Attention: causal and not, more queries than keys and the reverse, several heads, width 4 to
  /// 12.
  public static let attentionCases: [OperationCase] = [
    attention(t: 5, s: 5, heads: 2, width: 4, isCausal: true),
    attention(n: 2, t: 3, s: 7, heads: 1, width: 8),
    attention(t: 7, s: 4, heads: 1, width: 12, isCausal: true),
    attention(t: 2, s: 6, heads: 3, width: 4, isCausal: true),
    attention(t: 1, s: 1, heads: 2, width: 4),
  ]

  static func attention(
    n: Int = 1, t: Int, s: Int, heads: Int, width: Int, isCausal: Bool = false
  ) -> OperationCase {
    let (q, k) = (TensorType([n, t, heads * width]), TensorType([n, s, heads * width]))
    return OperationCase(
      Attention(heads: heads, isCausal: isCausal), [q, k, k], fills: [0: .uniform(-3, 3)],
      differentiable: [0, 1, 2])
  }

  /// Sizes for kernels, with the gradient as an operation: several blocks with ragged edges, 77
  /// keys, one wide head, long and short sides, 16-bit storage.
  public static let attentionKernelCases: [OperationCase] =
    (attentionCases + largerAttentions).flatMap { [$0, gradient(of: $0)] } + attentionsInHalf

  /// Widths that GPUs take through shared memory and matrix units, in 16 bits; the gradient's statistics
  /// stay f32.
  private static let attentionsInHalf: [OperationCase] = [
    (attention(n: 2, t: 100, s: 77, heads: 2, width: 64), DType.f16),
    (attention(n: 2, t: 100, s: 77, heads: 2, width: 64), .bf16),
    (attention(t: 70, s: 150, heads: 1, width: 64), .f16),
    (attention(n: 2, t: 37, s: 45, heads: 2, width: 32), .f16),
    (attention(t: 70, s: 65, heads: 1, width: 96), .f16),
  ].flatMap { [$0.stored(as: $1), gradient(of: $0).stored(as: $1, [0, 1, 2, 3, 5])] }

  private static let largerAttentions: [OperationCase] = [
    attention(n: 2, t: 100, s: 77, heads: 2, width: 64),
    attention(t: 77, s: 77, heads: 3, width: 64, isCausal: true),
    attention(t: 70, s: 65, heads: 1, width: 96),
    attention(n: 2, t: 37, s: 45, heads: 2, width: 32),
    attention(t: 20, s: 33, heads: 1, width: 512),
    attention(t: 130, s: 9, heads: 1, width: 8, isCausal: true),
    attention(t: 9, s: 130, heads: 2, width: 8, isCausal: true),
    attention(t: 37, s: 77, heads: 2, width: 12).stored(as: .f16),
    attention(t: 37, s: 37, heads: 1, width: 8, isCausal: true).stored(as: .bf16),
    attention(t: 21, s: 19, heads: 1, width: 8).stored(as: .bf16, [1, 2]),
  ]

  /// The gradient at the sizes of an attention, with logarithms near those of its scores.
  private static func gradient(of forward: OperationCase) -> OperationCase {
    guard let operation = forward.operation as? Attention else { return forward }
    let (q, k) = (forward.inputs[0], forward.inputs[1])
    let logarithms = TensorType([q.shape[0], operation.heads, q.shape[1]])
    return OperationCase(
      AttentionGradient(
        heads: operation.heads, isCausal: operation.isCausal, hasLogSumExpGradient: true),
      [q, k, k, q, logarithms, q, logarithms], fills: [0: .uniform(-3, 3), 4: .uniform(1, 3)])
  }
}
