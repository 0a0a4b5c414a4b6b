/// A constant in the shape and storage of the input, whose values are not read.
public struct Fill: Operation {
  public static let name = "fill"
  public let value: Float

  public init(value: Float) { self.value = value }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(inputs.count == 1, "takes one tensor")
    return [inputs[0]]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let count = outputs[0].elementCount
    return [HostTensor(outputs[0], [Double](repeating: Double(value), count: count))]
  }

  public func gradient(_ context: GradientContext) -> [Tensor?] { [nil] }
}
