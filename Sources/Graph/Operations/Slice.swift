/// Positions `start ..< start + count` of one dimension.
///
/// Shapes: x [..., size, ...]; y [..., count, ...].
public struct Slice: Operation {
  public static let name = "slice"
  public let axis: Int
  public let start: Int
  public let count: Int

  public init(axis: Int, start: Int, count: Int) {
    self.axis = axis
    self.start = start
    self.count = count
  }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(inputs.count == 1, "takes one tensor")
    var shape = inputs[0].shape
    try requireShape(shape.indices.contains(axis), "\(inputs[0]) has no axis \(axis)")
    try requireShape(
      start >= 0 && count > 0 && start + count <= shape[axis],
      "\(start) ..< \(start + count) of axis \(axis) of \(inputs[0])")
    shape[axis] = count
    return [TensorType(shape, inputs[0].dtype)]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let x = inputs[0]
    let inner = x.shape[(axis + 1)...].reduce(1, *)
    let run = x.shape[axis] * inner
    var y: [Double] = []
    y.reserveCapacity(outputs[0].elementCount)
    for row in 0..<(x.values.count / run) {
      y += x.values[(row * run + start * inner)..<(row * run + (start + count) * inner)]
    }
    return [HostTensor(outputs[0], y)]
  }

  public func gradient(_ context: GradientContext) -> [Tensor?] {
    guard let dy = context.outputGradients[0] else { return [nil] }
    let size = context.inputs[0].shape[axis]
    return [Tensor.apply(SliceGradient(axis: axis, start: start, size: size), [dy])[0]]
  }
}

/// dy at positions `start ...` of one dimension of the given size, zeros elsewhere.
///
/// Shapes: dy [..., count, ...]; dx [..., size, ...].
public struct SliceGradient: Operation {
  public static let name = "slice_gradient"
  public let axis: Int
  public let start: Int
  public let size: Int

  public init(axis: Int, start: Int, size: Int) {
    self.axis = axis
    self.start = start
    self.size = size
  }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(inputs.count == 1, "takes one tensor")
    var shape = inputs[0].shape
    try requireShape(shape.indices.contains(axis), "\(inputs[0]) has no axis \(axis)")
    try requireShape(
      start >= 0 && start + shape[axis] <= size,
      "\(start) ..< \(start + shape[axis]) of axis \(axis) of size \(size)")
    shape[axis] = size
    return [TensorType(shape, inputs[0].dtype)]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let dy = inputs[0]
    let inner = dy.shape[(axis + 1)...].reduce(1, *)
    let run = dy.shape[axis] * inner
    var dx = HostTensor(zeros: outputs[0])
    for (index, value) in dy.values.enumerated() {
      dx.values[index / run * size * inner + start * inner + index % run] = value
    }
    return [dx]
  }

  public func gradient(_ context: GradientContext) -> [Tensor?] {
    [
      context.outputGradients[0]?.sliced(
        axis: axis, start: start, count: context.inputs[0].shape[axis])
    ]
  }
}

extension Tensor {
  /// Positions `start ..< start + count` along `axis`.
  public func sliced(axis: Int, start: Int, count: Int) -> Tensor {
    shape[axis] == count
      ? self : Tensor.apply(Slice(axis: axis, start: start, count: count), [self])[0]
  }
}
