extension OperationCase {
  /// Pointwise operations and sums, small enough for finite differences.
  public static let elementwiseCases: [OperationCase] =
    broadcastCases + activationCases + gluCases + mixCases + sumCases

  private static let shapes: [(a: [Int], b: [Int])] = [
    ([7], [7]), ([3, 5], [1, 5]), ([3, 5], [3, 1]), ([2, 3, 4, 5], [2, 1, 1, 5]),
    ([2, 3, 4, 5], [1, 3, 1, 1]), ([2, 3, 1, 4], [1, 1, 1, 1]), ([], []),
    ([2, 3, 2, 3, 2], [2, 1, 2, 1, 2]),
  ]

  private static let broadcastCases: [OperationCase] = shapes.flatMap { shape in
    let inputs = [TensorType(shape.a), TensorType(shape.b)]
    return [
      OperationCase(Add(), inputs, differentiable: [0, 1]),
      OperationCase(Multiply(), inputs, differentiable: [0, 1]),
      OperationCase(Repeat(shape: shape.a), [inputs[1]], differentiable: [0]),
      OperationCase(SumTo(shape: shape.b), [inputs[0]], differentiable: [0]),
    ]
  }

  private static let activationCases: [OperationCase] =
    Activation.allCases.flatMap { activation in
      [
        OperationCase(
          Activate(activation), [TensorType([3, 17])], fills: [0: .uniform(-9, 9)],
          differentiable: [0]),
        OperationCase(
          ActivateGradient(activation), [TensorType([3, 17]), TensorType([3, 17])],
          fills: [0: .uniform(-9, 9)]),
      ]
    } + [
      OperationCase(Scale(factor: -1.7), [TensorType([5, 7])], differentiable: [0]),
      OperationCase(Copy(), [TensorType([13])], differentiable: [0]),
      OperationCase(Fill(value: 0.3), [TensorType([3, 3])], differentiable: [0]),
    ]

  private static let gluCases: [OperationCase] = [
    OperationCase(
      GEGLU(), [TensorType([2, 3, 10])], fills: [0: .uniform(-3, 3)], differentiable: [0]),
    OperationCase(GEGLU(), [TensorType([2])], differentiable: [0]),
    OperationCase(GEGLUGradient(), [TensorType([2, 3, 10]), TensorType([2, 3, 5])]),
  ]

  private static let mixCases: [OperationCase] = [
    OperationCase(
      Mix(), [TensorType([3, 5, 4]), TensorType([3, 5, 4]), TensorType([3, 2])],
      differentiable: [0, 1, 2])
  ]

  private static let sumCases: [OperationCase] = [
    OperationCase(SumTo(shape: [1, 7]), [TensorType([33, 7])], differentiable: [0]),
    OperationCase(SumTo(shape: [2, 1, 1, 3]), [TensorType([2, 5, 3, 3])], differentiable: [0]),
    OperationCase(SumTo(shape: [1, 1]), [TensorType([6, 9])], differentiable: [0]),
    OperationCase(SumTo(shape: [7]), [TensorType([33, 7])], differentiable: [0]),
    OperationCase(SumTo(shape: [1, 3]), [TensorType([2, 5, 3])], differentiable: [0]),
  ]

  /// The same at sizes that take several workgroups and passes, and in every storage.
  public static let largeElementwiseCases: [OperationCase] = [
    OperationCase(Add(), [TensorType([2, 31, 17, 40]), TensorType([2, 1, 1, 40])])
      .inEveryStorage(),
    OperationCase(Add(), [TensorType([3000]), TensorType([3000])]).inEveryStorage(),
    OperationCase(Add(), [TensorType([65, 77]), TensorType([65, 1])]).inEveryStorage([0]),
    OperationCase(Multiply(), [TensorType([9, 13, 21]), TensorType([9, 1, 21])]).inEveryStorage(),
    OperationCase(Repeat(shape: [3, 50, 33]), [TensorType([3, 1, 33])]).inEveryStorage(),
    OperationCase(SumTo(shape: [1, 40]), [TensorType([5000, 40])]).inEveryStorage(),
    OperationCase(SumTo(shape: [1, 1283]), [TensorType([77, 1283])]).inEveryStorage(),
    OperationCase(SumTo(shape: [3, 1, 1, 65]), [TensorType([3, 37, 29, 65])]).inEveryStorage(),
    OperationCase(SumTo(shape: [1, 1]), [TensorType([301, 203])]).inEveryStorage(),
    OperationCase(SumTo(shape: [41, 1]), [TensorType([41, 777])]).inEveryStorage(),
    OperationCase(SumTo(shape: [1, 5, 1, 7]), [TensorType([40, 5, 60, 7])]).inEveryStorage(),
    [
      OperationCase(SumTo(shape: [40], dtype: .f32), [TensorType([5000, 40], .f16)]),
      OperationCase(SumTo(shape: [41], dtype: .f32), [TensorType([777, 41], .bf16)]),
      OperationCase(SumTo(shape: [41, 1], dtype: .f32), [TensorType([41, 777], .bf16)]),
      OperationCase(
        SumTo(shape: [3, 1, 1, 64], dtype: .f32), [TensorType([3, 37, 29, 64], .f16)]),
      OperationCase(SumTo(shape: [1, 40], dtype: .f16), [TensorType([500, 40])]),
    ],
    OperationCase(Activate(.silu), [TensorType([5001])]).inEveryStorage(),
    OperationCase(Activate(.gelu), [TensorType([5001])], fills: [0: .uniform(-6, 6)])
      .inEveryStorage(),
    OperationCase(ActivateGradient(.quickGELU), [TensorType([77, 63]), TensorType([77, 63])])
      .inEveryStorage(),
    OperationCase(GEGLU(), [TensorType([33, 2 * 85])]).inEveryStorage(),
    OperationCase(GEGLUGradient(), [TensorType([33, 2 * 85]), TensorType([33, 85])])
      .inEveryStorage(),
    OperationCase(
      Mix(), [TensorType([3, 17, 19, 4]), TensorType([3, 17, 19, 4]), TensorType([3, 2])]
    ).inEveryStorage([0, 1]),
    OperationCase(Scale(factor: 0.18215), [TensorType([2049])]).inEveryStorage(),
    OperationCase(Fill(value: -2.5), [TensorType([2049])]).inEveryStorage(),
    OperationCase(Copy(), [TensorType([2049])]).inEveryStorage(),
    DType.allCases.map { OperationCase(Copy(dtype: $0), [TensorType([515])]) },
    [
      OperationCase(
        Copy(dtype: .f32), [TensorType([515], .i32)], fills: [0: .integers(-900..<900)])
    ],
  ].flatMap { $0 }
}
