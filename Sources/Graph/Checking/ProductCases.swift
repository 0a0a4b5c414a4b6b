extension OperationCase {
  /// Matrix products: every transposition, rank 3, epilogues, sizes that fit no tile.
  public static let productCases: [OperationCase] =
    transpositions + epilogues + [
      OperationCase(
        MatrixProduct(transposeA: true), [TensorType([9, 5]), TensorType([9, 1])],
        differentiable: [0, 1]),
      OperationCase(
        MatrixProduct(transposeB: true), [TensorType([1, 6]), TensorType([3, 6])],
        differentiable: [0, 1]),
    ]

  private static let transpositions: [OperationCase] = [false, true].flatMap { transposeA in
    [false, true].flatMap { transposeB in
      [[], [2]].map { batch in
        let (m, n, k) = (5, 7, 3)
        return OperationCase(
          MatrixProduct(transposeA: transposeA, transposeB: transposeB, scale: 0.5),
          [
            TensorType(batch + (transposeA ? [k, m] : [m, k])),
            TensorType(batch + (transposeB ? [n, k] : [k, n])),
          ], differentiable: [0, 1])
      }
    }
  }

  private static let epilogues: [OperationCase] = [nil, Activation.silu, .gelu, .quickGELU]
    .flatMap { activation in
      [(true, true), (true, false), (false, true)].map { hasBias, hasResidual in
        let operation = MatrixProduct(
          transposeB: true, activation: activation, hasBias: hasBias, hasResidual: hasResidual)
        return OperationCase(
          operation,
          [TensorType([4, 6]), TensorType([5, 6])] + (hasBias ? [TensorType([5])] : [])
            + (hasResidual ? [TensorType([4, 5])] : []),
          differentiable: Array(0..<(2 + (hasBias ? 1 : 0) + (hasResidual ? 1 : 0))))
      }
    }
}
