extension OperationCase {
  /// Operations that move values, small enough for finite differences.
  public static let shapeCases: [OperationCase] = [
    OperationCase(
      Concatenate(axis: 1),
      [TensorType([2, 3, 2]), TensorType([2, 1, 2]), TensorType([2, 4, 2])],
      differentiable: [0, 1, 2]),
    OperationCase(
      Concatenate(axis: 3), [TensorType([1, 2, 3, 5]), TensorType([1, 2, 3, 2])],
      differentiable: [0, 1]),
    OperationCase(
      Concatenate(axis: 0), [TensorType([2]), TensorType([3])], differentiable: [0, 1]),
    OperationCase(
      Slice(axis: 1, start: 2, count: 3), [TensorType([2, 6, 2])], differentiable: [0]),
    OperationCase(Slice(axis: 0, start: 4, count: 1), [TensorType([5])], differentiable: [0]),
    OperationCase(
      SliceGradient(axis: 2, start: 1, size: 5), [TensorType([2, 3, 3])], differentiable: [0]),
    OperationCase(UpsampleNearest(), [TensorType([2, 3, 2, 3])], differentiable: [0]),
    OperationCase(UpsampleNearestGradient(), [TensorType([2, 4, 6, 3])], differentiable: [0]),
    OperationCase(
      Embedding(), [TensorType([5, 3]), TensorType([2, 4], .i32)], fills: [1: .integers(0..<5)],
      differentiable: [0]),
    OperationCase(
      EmbeddingGradient(vocabularySize: 5), [TensorType([7], .i32), TensorType([7, 3])],
      fills: [0: .integers(0..<5)]),
  ]

  /// The same at sizes that take several workgroups, and in every storage.
  public static let largeShapeCases: [OperationCase] = [
    OperationCase(
      Concatenate(axis: 3), [TensorType([2, 9, 11, 33]), TensorType([2, 9, 11, 20])]
    ).inEveryStorage(),
    OperationCase(
      Concatenate(axis: 1),
      [TensorType([31, 64]), TensorType([31, 7], .bf16), TensorType([31, 1], .f16)]
    ).inEveryStorage([0]),
    OperationCase(Slice(axis: 1, start: 5, count: 700), [TensorType([3, 801])]).inEveryStorage(),
    OperationCase(Slice(axis: 1, start: 3, count: 20), [TensorType([4, 31, 17])])
      .inEveryStorage(),
    OperationCase(SliceGradient(axis: 1, start: 11, size: 50), [TensorType([4, 31, 17])])
      .inEveryStorage(),
    OperationCase(UpsampleNearest(), [TensorType([2, 7, 9, 40])]).inEveryStorage(),
    OperationCase(UpsampleNearestGradient(), [TensorType([2, 14, 18, 40])]).inEveryStorage(),
    OperationCase(
      Embedding(), [TensorType([301, 65]), TensorType([2, 77], .i32)],
      fills: [1: .integers(0..<301)]
    ).inEveryStorage([0]),
    OperationCase(
      EmbeddingGradient(vocabularySize: 301),
      [TensorType([2, 77], .i32), TensorType([2, 77, 65])],
      fills: [0: .integers(0..<301)]
    ).inEveryStorage([1]),
    [
      OperationCase(
        TimestepEmbedding(dimension: 320), [TensorType([5])],
        fills: [0: .values([0, 1, 999, 500.25, 1024])]),
      OperationCase(
        TimestepEmbedding(dimension: 256), [TensorType([3, 6])], fills: [0: .uniform(0, 12000)]),
      OperationCase(
        TimestepEmbedding(dimension: 33, maxPeriod: 777), [TensorType([4])],
        fills: [0: .uniform(-1000, 1000)]),
    ],
  ].flatMap { $0 }
}
