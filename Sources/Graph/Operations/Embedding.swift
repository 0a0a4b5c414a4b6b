/// Rows of a table: `y[i] = table[ids[i]]`.
///
/// Shapes: table [V, C]; ids i32 [...], each in 0 ..< V; y [..., C].
public struct Embedding: Operation {
  public static let name = "embedding"
  public init() {}

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(inputs.count == 2, "takes a table and ids")
    let (table, ids) = (inputs[0], inputs[1])
    try requireShape(table.rank == 2, "the table \(table) is not [V, C]")
    try requireShape(ids.dtype == .i32, "the ids \(ids) are not i32")
    return [TensorType(ids.shape + [table.shape[1]], table.dtype)]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let width = inputs[0].shape[1]
    let y = inputs[1].values.flatMap { id in
      inputs[0].values[Int(id) * width..<(Int(id) + 1) * width]
    }
    return [HostTensor(outputs[0], y)]
  }

  public func gradient(_ context: GradientContext) -> [Tensor?] {
    guard let dy = context.outputGradients[0], context.needs[0] else { return [nil, nil] }
    let table = context.inputs[0]
    let operation = EmbeddingGradient(vocabularySize: table.shape[0])
    return [Tensor.apply(operation, [context.inputs[1], dy])[0].converted(to: table.dtype), nil]
  }

  public func flopCount(_ inputs: [TensorType], outputs: [TensorType]) -> Int { 0 }
}

/// `dtable[v]` = sum of dy[i] over the positions i with ids[i] = v, in the order of i.
///
/// Shapes: ids i32 [...]; dy [..., C]; dtable [V, C] in the storage of dy.
public struct EmbeddingGradient: Operation {
  public static let name = "embedding_gradient"
  public let vocabularySize: Int

  public init(vocabularySize: Int) { self.vocabularySize = vocabularySize }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(inputs.count == 2, "takes ids and dy")
    let (ids, dy) = (inputs[0], inputs[1])
    try requireShape(ids.dtype == .i32, "the ids \(ids) are not i32")
    try requireShape(
      dy.rank == ids.rank + 1 && Array(dy.shape.dropLast()) == ids.shape,
      "dy \(dy) has no row for each of the ids \(ids)")
    return [TensorType([vocabularySize, dy.lastDimension], dy.dtype)]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let width = outputs[0].shape[1]
    var table = HostTensor(zeros: outputs[0])
    for (position, id) in inputs[0].values.enumerated() {
      for column in 0..<width {
        table.values[Int(id) * width + column] += inputs[1].values[position * width + column]
      }
    }
    return [table]
  }

  public func flopCount(_ inputs: [TensorType], outputs: [TensorType]) -> Int {
    inputs[1].elementCount
  }
}

extension Tensor {
  /// The rows of a table [V, C] with the given ids (i32).
  public func rows(_ ids: Tensor) -> Tensor { Tensor.apply(Embedding(), [self, ids])[0] }
}
