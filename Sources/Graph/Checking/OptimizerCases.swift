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
    ]
    + adamWCases + lionCases

  private static let adamWCases = updateScalars.flatMap { step, scale in
    storages.map { weight, gradient, state in
      update(
        AdamW(
          beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01,
          tensors: UpdatedTensors(indices: [4, 0, 9], seed: 1 << 40 + 3)),
        weight, gradient, [state, state], step: step, scale: scale, nonNegative: [1])
    }
  }

  private static let lionCases = updateScalars.flatMap { step, scale in
    storages.map { weight, gradient, state in
      update(
        Lion(
          beta1: 0.9, beta2: 0.99, weightDecay: 0.01,
          tensors: UpdatedTensors(indices: [4, 0, 9], seed: 7)),
        weight, gradient, [state], step: step, scale: scale)
    }
  }

  /// Count of updates and scale of gradients; below 0 skips.
  private static let updateScalars = [(1.0, 1.0), (10.0, 0.3), (20_000.0, 1.0), (3.0, -1.0)]

  /// Of weights, gradients and states.
  private static let storages: [(DType, DType, DType)] = [
    (.f32, .f32, .f32), (.f32, .f32, .bf16), (.bf16, .f32, .f32), (.bf16, .bf16, .bf16),
    (.f16, .f32, .f32), (.f16, .f16, .bf16),
  ]

  private static func clip(_ maximum: Float?, norm: Double, step: Double) -> OperationCase {
    OperationCase(
      ClipControl(maximumNorm: maximum), [TensorType([1]), TensorType([1])],
      fills: [0: .values([norm]), 1: .values([step])])
  }

  /// Three tensors, of parts of a chunk and of several.
  private static func update(
    _ operation: some ElementwiseUpdate, _ weight: DType, _ gradient: DType, _ states: [DType],
    step: Double, scale: Double, nonNegative: [Int] = []
  ) -> OperationCase {
    let shapes = [[7], [3, 50], [61, 83]]
    var fills: [Int: InputFill] = [0: .values([1e-3]), 1: .values([step]), 2: .values([scale])]
    for state in nonNegative {
      for index in 0..<3 { fills[3 + 3 * (2 + state) + index] = .uniform(0, 1) }
    }
    return OperationCase(
      operation,
      [TensorType([1]), TensorType([1]), TensorType([1])]
        + ([weight, gradient] + states).flatMap { dtype in shapes.map { TensorType($0, dtype) } },
      fills: fills)
  }
}

extension DType {
  /// What floating-point tensors are stored as.
  public static let storage: [DType] = [.f32, .f16, .bf16]
}
