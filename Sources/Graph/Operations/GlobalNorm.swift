/// `y = sqrt(sum of x^2)` over all elements of all inputs.
///
/// Shapes: n tensors of any shapes; y f32 [1]. Sums run in a fixed order.
public struct GlobalNorm: Operation {
  public static let name = "global_norm"
  /// Whether tensors that lie side by side may be summed as one, in fewer launches. The order of the
  /// sums then depends on where they lie: for variables, whose places are fixed, not for what a plan
  /// places here or there.
  public let joinsNeighbours: Bool

  public init(joinsNeighbours: Bool = true) { self.joinsNeighbours = joinsNeighbours }

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
