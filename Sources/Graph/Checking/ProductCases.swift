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

  /// Sizes for kernels: several tiles with ragged edges, 64-bit and single loads, sums split in two
  /// passes, rows alone and columns alone, storage mixed and 16 bits wide.
  public static let productKernelCases: [OperationCase] = {
    let wide = product(37, 72, 24, false, true, batch: [])
    let odd = product(37, 29, 21, true, false, batch: [])
    let stored = [DType.f16, .bf16].flatMap { [wide.stored(as: $0), odd.stored(as: $0)] }
    let mixed = [
      wide.stored(as: .bf16, [1, 2]), wide.stored(as: .f16, [0, 3]),
      wide.stored(as: .bf16, [0, 1, 3]),
      odd.stored(as: .f16, [0, 1, 3]), widening,
    ]
    return productCases + everyForm + unevenSizes + stored + mixed + inHalf + parameterGradients
  }()

  private static let everyForm: [OperationCase] = [(37, 72, 24), (16, 132, 20), (37, 29, 21)]
    .flatMap { m, n, k in
      [(false, false), (false, true), (true, false), (true, true)].map { transposeA, transposeB in
        product(m, n, k, transposeA, transposeB, batch: [2])
      }
    }

  /// What matrix units take 16 bytes at a time: blocks with ragged edges, sums that fill blocks of 64 terms, of
  /// 32, and sums that do not.
  private static let inHalf: [OperationCase] = [(136, 168, 72), (136, 168, 192), (40, 48, 32)]
    .flatMap { m, n, k in
      [(false, true), (false, false), (true, false)].map {
        product(m, n, k, $0, $1, batch: [2]).stored(as: .f16)
      }
    }

  private static let unevenSizes: [OperationCase] = [
    product(36, 72, 23, true, false, batch: [], hasEpilogue: false),
    product(64, 64, 1028, false, true, batch: []),
    product(64, 64, 1030, true, false, batch: []),
    product(63, 61, 1031, false, false, batch: []),
    product(1, 64, 256, false, true, batch: []),
    product(64, 1, 33, false, false, batch: [], hasEpilogue: false),
  ]

  /// With sums of dy's rows: blocks with ragged edges, sums of which nothing is left for a whole turn,
  /// long ones that are split, sizes that fit no quads, and storage.
  private static let parameterGradients: [OperationCase] = {
    func gradient(_ k: Int, _ o: Int, _ i: Int, weight: DType = .f32) -> OperationCase {
      OperationCase(
        LinearParameterGradient(weight: weight), [TensorType([k, o]), TensorType([k, i])])
    }
    let wide = gradient(50, 44, 76)
    return [wide, gradient(4, 64, 256), gradient(1040, 64, 32), gradient(13, 7, 5)]
      + [
        wide.stored(as: .f16), gradient(21, 12, 36, weight: .bf16).stored(as: .bf16),
        wide.stored(as: .bf16, [1]),
      ]
  }()

  /// A result stored in more bits than what it is made of.
  private static let widening = OperationCase(
    MatrixProduct(transposeA: true, dtype: .f32),
    [TensorType([40, 12], .bf16), TensorType([40, 36], .f16)])

  private static func product(
    _ m: Int, _ n: Int, _ k: Int, _ transposeA: Bool, _ transposeB: Bool, batch: [Int],
    hasEpilogue: Bool = true
  ) -> OperationCase {
    let operation = MatrixProduct(
      transposeA: transposeA, transposeB: transposeB, scale: hasEpilogue ? 0.25 : 1,
      activation: hasEpilogue ? .silu : nil, hasBias: hasEpilogue, hasResidual: hasEpilogue)
    let a = batch + (transposeA ? [k, m] : [m, k])
    let b = batch + (transposeB ? [n, k] : [k, n])
    let epilogue = hasEpilogue ? [TensorType([n]), TensorType(batch + [m, n])] : []
    return OperationCase(operation, [TensorType(a), TensorType(b)] + epilogue)
  }
}
