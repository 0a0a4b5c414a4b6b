extension OperationCase {
  /// Norms, small enough for finite differences.
  public static let normGradientCases: [OperationCase] =
    groupNorms.map { x, groups, activation in
      OperationCase(
        FirstOutput(GroupNorm(groups: groups, epsilon: 1e-5, activation: activation)),
        inputs(x), fills: weights, differentiable: [0, 1, 2])
    }
    + layerNorms.map { x in
      OperationCase(
        FirstOutput(LayerNorm(epsilon: 1e-5)), inputs(x), fills: weights,
        differentiable: [0, 1, 2])
    }

  private static let groupNorms: [([Int], Int, Activation?)] = [
    ([2, 3, 5, 6], 3, .silu), ([1, 7, 4], 4, nil), ([2, 5, 12], 2, .gelu), ([3, 8], 2, .silu),
    ([1, 2, 2, 15], 5, .quickGELU),
  ]
  private static let layerNorms: [[Int]] = [[3, 7], [2, 3, 16], [5]]
  private static let weights: [Int: InputFill] = [
    0: .uniform(-1, 3), 1: .uniform(0.5, 1.5), 2: .uniform(-0.5, 0.5),
  ]

  private static func inputs(_ x: [Int]) -> [TensorType] {
    let channels = TensorType([x[x.count - 1]])
    return [TensorType(x), channels, channels]
  }

  /// Forward and backward kernels, in every storage: activations alone, and with the weights.
  public static let normCases: [OperationCase] =
    (groupNorms + largeGroupNorms).flatMap { x, groups, activation in
      groupNormPair(x, groups, activation).flatMap { $0 }
    } + (layerNorms + largeLayerNorms).flatMap { x in layerNormPair(x).flatMap { $0 } }

  private static let largeGroupNorms: [([Int], Int, Activation?)] = [
    ([2, 17, 9, 32], 8, .silu), ([1, 40, 41, 64], 32, nil), ([3, 2, 2, 320], 32, .silu),
    ([2, 33, 6], 2, nil), ([1, 3000, 24], 3, .silu), ([2, 1, 1, 10], 10, nil),
  ]
  private static let largeLayerNorms: [[Int]] = [
    [77, 64], [300, 320], [9, 1283], [2, 130, 33], [1025, 8],
  ]

  private static func groupNormPair(
    _ x: [Int], _ groups: Int, _ activation: Activation?
  ) -> [[OperationCase]] {
    let forward = GroupNorm(groups: groups, epsilon: 1e-5, activation: activation)
    let statistics = TensorType([x[0], groups])
    let backwardInputs = inputs(x) + [statistics, statistics, TensorType(x)]
    let backwardFills = weights.merging([3: .uniform(0.8, 1.2), 4: .uniform(0.7, 1)]) { $1 }
    return [
      OperationCase(forward, inputs(x), fills: weights).inEveryStorage(),
      OperationCase(forward, inputs(x), fills: weights).inEveryStorage([0]),
      OperationCase(
        GroupNormGradient(groups: groups, activation: activation), backwardInputs,
        fills: backwardFills
      ).inEveryStorage([0, 1, 2, 5]).flatMap { $0.withAddedInput() },
      [DType.f16, .bf16].flatMap { dtype in
        OperationCase(
          GroupNormGradient(groups: groups, activation: activation), backwardInputs,
          fills: backwardFills
        ).stored(as: dtype, [0, 5]).withAddedInput()
      },
      [
        OperationCase(
          GroupNormGradient(groups: groups, activation: activation, hasParameterGradients: false),
          backwardInputs, fills: backwardFills
        ).stored(as: .bf16, [0, 5])
      ],
    ]
  }

  private static func layerNormPair(_ x: [Int]) -> [[OperationCase]] {
    let rows = TensorType([x.dropLast().reduce(1, *)])
    let channels = TensorType([x[x.count - 1]])
    let backwardInputs = [TensorType(x), channels, rows, rows, TensorType(x)]
    let backwardFills: [Int: InputFill] = [
      0: .uniform(-1, 3), 1: .uniform(0.5, 1.5), 2: .uniform(0.8, 1.2), 3: .uniform(0.7, 1),
    ]
    return [
      OperationCase(LayerNorm(epsilon: 1e-5), inputs(x), fills: weights).inEveryStorage(),
      OperationCase(LayerNorm(epsilon: 1e-5), inputs(x), fills: weights).inEveryStorage([0]),
      OperationCase(LayerNormGradient(), backwardInputs, fills: backwardFills)
        .inEveryStorage([0, 1, 4]).flatMap { $0.withAddedInput() },
      [DType.f16, .bf16].flatMap { dtype in
        OperationCase(LayerNormGradient(), backwardInputs, fills: backwardFills)
          .stored(as: dtype, [0, 4]).withAddedInput()
      },
      [
        OperationCase(
          LayerNormGradient(hasParameterGradients: false), backwardInputs, fills: backwardFills
        ).stored(as: .bf16, [0, 4])
      ],
    ]
  }
}
