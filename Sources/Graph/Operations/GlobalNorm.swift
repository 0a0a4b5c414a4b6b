/// `y = sqrt(sum of x^2)` over all elements of all inputs.
///
/// Shapes: n tensors of any shapes; y f32 [1]. Sums run in a fixed order.
public struct GlobalNorm: Operation {
  public static let name = "global_norm"

  public init() {}

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(!inputs.isEmpty, "takes at least one tensor")
    return [TensorType([1], .f32)]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let squares = inputs.reduce(0) { $1.values.reduce($0) { $0 + $1 * $1 } }
    return [HostTensor(outputs[0], [squares.squareRoot()])]
  }

  public func flopCount(_ inputs: [TensorType], outputs: [TensorType]) -> Int {
    inputs.reduce(0) { $0 + 2 * $1.elementCount }
  }
}
