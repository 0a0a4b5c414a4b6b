/// The same elements under another shape; costs nothing.
public struct Reshape: Operation {
  public static let name = "reshape"
  public let shape: [Int]

  public init(shape: [Int]) { self.shape = shape }
  public var isAlias: Bool { true }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(inputs.count == 1, "takes one tensor")
    let type = TensorType(shape, inputs[0].dtype)
    try requireShape(
      type.elementCount == inputs[0].elementCount,
      "\(inputs[0]) has \(inputs[0].elementCount) elements, \(type) \(type.elementCount)")
    return [type]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    [HostTensor(outputs[0], inputs[0].values)]
  }

  public func gradient(_ context: GradientContext) -> [Tensor?] {
    [context.outputGradients[0]?.reshaped(to: context.inputs[0].shape)]
  }

  public func flopCount(_ inputs: [TensorType], outputs: [TensorType]) -> Int { 0 }
}

extension Tensor {
  /// The same elements under another shape of as many elements.
  public func reshaped(to shape: [Int]) -> Tensor {
    shape == self.shape ? self : Tensor.apply(Reshape(shape: shape), [self])[0]
  }
}
