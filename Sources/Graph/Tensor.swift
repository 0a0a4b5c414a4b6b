/// A value in a graph: a handle to the result of an operation, an input or a variable.
public struct Tensor {
  /// The graph that holds the value.
  public let graph: Graph
  /// Index in `graph.values`.
  public let id: Int

  /// Shape and element type.
  public var type: TensorType { graph.values[id].type }
  /// Sizes, outermost dimension first.
  public var shape: [Int] { type.shape }
  /// Element type in storage.
  public var dtype: DType { type.dtype }

  /// Applies an operation to tensors of one graph.
  public static func apply(_ operation: some Operation, _ inputs: [Tensor]) -> [Tensor] {
    guard let graph = inputs.first?.graph else {
      preconditionFailure("\(operation.name): an operation needs at least one input")
    }
    return graph.apply(operation, inputs)
  }
}
