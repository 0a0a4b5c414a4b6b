/// `y[i] = sum of x over every dimension in which the shape is 1`: the gradient of repetition.
///
/// Shapes: x [d0, ..., dn]; y the last dimensions of x, each x's or 1; dimensions that y lacks are
/// summed too. Sums run in a fixed order.
public struct SumTo: Operation {
  public static let name = "sum_to"
  public let shape: [Int]
  /// Storage of y; nil takes that of x.
  public let dtype: DType?

  public init(shape: [Int], dtype: DType? = nil) {
    self.shape = shape
    self.dtype = dtype
  }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(inputs.count == 1, "takes one tensor")
    try requireShape(
      shape.count <= inputs[0].rank, "\(shape) has more dimensions than \(inputs[0])")
    try requireBroadcast(fullShape(inputs[0]), to: inputs[0].shape)
    return [TensorType(shape, dtype ?? inputs[0].dtype)]
  }

  /// The shape with a 1 for each dimension that it lacks.
  public func fullShape(_ x: TensorType) -> [Int] {
    [Int](repeating: 1, count: max(0, x.rank - shape.count)) + shape
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    var y = HostTensor(zeros: outputs[0])
    let offsets = broadcastOffsets(fullShape(inputs[0].type), over: inputs[0].shape)
    for (value, offset) in zip(inputs[0].values, offsets) {
      y.values[offset] += value
    }
    return [y]
  }

  public func gradient(_ context: GradientContext) -> [Tensor?] {
    guard let dy = context.outputGradients[0] else { return [nil] }
    let x = context.inputs[0]
    let full = dy.reshaped(to: fullShape(x.type))
    return [Tensor.apply(Repeat(shape: x.shape), [full])[0].converted(to: x.dtype)]
  }

  public func flopCount(_ inputs: [TensorType], outputs: [TensorType]) -> Int {
    inputs[0].elementCount
  }
}

/// `y = x` repeated along the dimensions in which x has size 1.
public struct Repeat: Operation {
  public static let name = "repeat"
  public let shape: [Int]

  public init(shape: [Int]) { self.shape = shape }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(inputs.count == 1, "takes one tensor")
    try requireBroadcast(inputs[0].shape, to: shape)
    return [TensorType(shape, inputs[0].dtype)]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    [HostTensor(outputs[0], inputs[0].broadcast(to: shape))]
  }

  public func gradient(_ context: GradientContext) -> [Tensor?] {
    [context.outputGradients[0]?.summed(to: context.inputs[0].shape)]
  }
}

extension Tensor {
  /// Sum over the dimensions in which `shape` is 1 or which it lacks; itself when the shapes agree.
  /// - Parameter dtype: storage of the result, which a long sum may need more of; nil keeps self's
  public func summed(to shape: [Int], as dtype: DType? = nil) -> Tensor {
    if shape == self.shape { return dtype.map(converted) ?? self }
    let stored = dtype == self.dtype ? nil : dtype
    return Tensor.apply(SumTo(shape: shape, dtype: stored), [self])[0]
  }
}
