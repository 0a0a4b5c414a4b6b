extension OperationCase {
  /// Norm, clipping and AdamW over several tensors.
  public static let optimizerCases: [OperationCase] =
    [
      OperationCase(GlobalNorm(), [TensorType([7])]),
      OperationCase(
        GlobalNorm(),
        [TensorType([3, 50]), TensorType([1]), TensorType([70, 41]), TensorType([9])]
      ),
      OperationCase(GlobalNorm(), [TensorType([300, 333]), TensorType([5000], .bf16)]),
      clip(nil, norm: 3, step: 4), clip(1, norm: 3, step: 0), clip(1, norm: 0.5, step: 999),
      clip(1, norm: .infinity, step: 7), clip(nil, norm: .nan, step: 7), clip(2, norm: 0, step: 1),
      scaled(1, norm: 3e5, lossScale: 65536, goodSteps: 2),
      scaled(1, norm: 3e5, lossScale: 1024, goodSteps: 7),
      scaled(nil, norm: 12, lossScale: 0x1p24, goodSteps: 7),
      scaled(nil, norm: 12, lossScale: 0.5, goodSteps: 6),
    ]
    + [(1.0, 1.0), (10.0, 0.3), (20_000.0, 1.0), (3.0, -1.0)].flatMap { step, scale in
      DType.storage.map { adamw([[7], [3, 50], [61, 83]], $0, step: step, scale: scale) }
    }

  private static func clip(_ maximum: Float?, norm: Double, step: Double) -> OperationCase {
    OperationCase(
      ClipControl(maximumNorm: maximum), [TensorType([1]), TensorType([1])],
      fills: [0: .values([norm]), 1: .values([step])])
  }

  private static func scaled(
    _ maximum: Float?, norm: Double, lossScale: Double, goodSteps: Double
  ) -> OperationCase {
    let scalar = TensorType([1])
    return OperationCase(
      ClipControl(maximumNorm: maximum, lossScaling: .init(growthInterval: 8)),
      [scalar, scalar, scalar, scalar],
      fills: [
        0: .values([norm]), 1: .values([20]), 2: .values([lossScale]), 3: .values([goodSteps]),
      ])
  }

  private static func adamw(
    _ shapes: [[Int]], _ dtype: DType, step: Double, scale: Double
  ) -> OperationCase {
    let n = shapes.count
    let (parameters, states) = (shapes.map { TensorType($0, dtype) }, shapes.map { TensorType($0) })
    var fills: [Int: InputFill] = [0: .values([1e-3]), 1: .values([step]), 2: .values([scale])]
    for index in 0..<n { fills[3 + 3 * n + index] = .uniform(0, 1) }
    return OperationCase(
      AdamW(beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, count: n),
      [TensorType([1]), TensorType([1]), TensorType([1])] + parameters + states + states + states,
      fills: fills)
  }
}

extension DType {
  /// What floating-point tensors are stored as.
  public static let storage: [DType] = [.f32, .f16, .bf16]
}
