/// `y = x`, in the same or another storage type.
public struct Copy: Operation {
  public static let name = "copy"
  /// Storage of the result; nil keeps that of the input.
  public let dtype: DType?

  public init(dtype: DType? = nil) { self.dtype = dtype }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(inputs.count == 1, "takes one tensor")
    try requireShape(dtype != .u8 || inputs[0].dtype == .u8, "codes are no values to convert to")
    return [TensorType(inputs[0].shape, dtype ?? inputs[0].dtype)]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    [HostTensor(outputs[0], inputs[0].values)]
  }

  public func gradient(_ context: GradientContext) -> [Tensor?] {
    [context.outputGradients[0]?.converted(to: context.inputs[0].dtype)]
  }
}

extension Tensor {
  /// The same values in another storage type; itself when it is that already.
  public func converted(to dtype: DType) -> Tensor {
    dtype == self.dtype ? self : Tensor.apply(Copy(dtype: dtype), [self])[0]
  }
}
