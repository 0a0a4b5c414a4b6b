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
}
