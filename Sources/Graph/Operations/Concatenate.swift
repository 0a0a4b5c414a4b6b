/// The inputs one after the other along one dimension.
///
/// Shapes: two or more tensors that agree in every other dimension; the storage of the first.
public struct Concatenate: Operation {
  public static let name = "concatenate"
  public let axis: Int

  public init(axis: Int) { self.axis = axis }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(inputs.count >= 2, "takes two or more tensors")
    try requireShape(inputs[0].shape.indices.contains(axis), "\(inputs[0]) has no axis \(axis)")
    var shape = inputs[0].shape
    shape[axis] = 0
    for input in inputs {
      var rest = input.shape
      try requireShape(rest.count == shape.count, "\(inputs[0]) and \(input) differ in rank")
      rest[axis] = shape[axis]
      try requireShape(
        rest == shape, "\(inputs[0]) and \(input) differ in a dimension other than \(axis)")
      shape[axis] += input.shape[axis]
    }
    return [TensorType(shape, inputs[0].dtype)]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let outer = outputs[0].shape[..<axis].reduce(1, *)
    var y: [Double] = []
    y.reserveCapacity(outputs[0].elementCount)
    for row in 0..<outer {
      for input in inputs {
        let run = input.values.count / outer
        y += input.values[row * run..<(row + 1) * run]
      }
    }
    return [HostTensor(outputs[0], y)]
  }

  public func gradient(_ context: GradientContext) -> [Tensor?] {
    guard let dy = context.outputGradients[0] else { return context.inputs.map { _ in nil } }
    var start = 0
    return context.inputs.enumerated().map { index, input in
      defer { start += input.shape[axis] }
      guard context.needs[index] else { return nil }
      return dy.sliced(axis: axis, start: start, count: input.shape[axis])
        .converted(to: input.dtype)
    }
  }
}

extension Tensor {
  /// The tensors one after the other along `axis`.
  public static func concatenated(_ tensors: [Tensor], axis: Int) -> Tensor {
    tensors.count == 1 ? tensors[0] : apply(Concatenate(axis: axis), tensors)[0]
  }
}
