/// `y = min(max(x, low), high)`.
public struct Clamp: Operation {
  public static let name = "clamp"
  public let low: Float
  public let high: Float

  public init(_ range: ClosedRange<Float>) {
    low = range.lowerBound
    high = range.upperBound
  }

  public var inPlacePairs: [(input: Int, output: Int)] { [(0, 0)] }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(inputs.count == 1, "takes one tensor")
    return inputs
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    [HostTensor(outputs[0], inputs[0].values.map { min(max($0, Double(low)), Double(high)) })]
  }

  public func gradient(_ context: GradientContext) -> [Tensor?] {
    guard let dy = context.outputGradients[0] else { return [nil] }
    return Tensor.apply(ClampGradient(low...high), [context.inputs[0], dy])
  }
}

/// `dx = dy` where `low <= x <= high`, 0 elsewhere. Inputs x and dy, of one shape.
public struct ClampGradient: Operation {
  public static let name = "clamp_gradient"
  public let low: Float
  public let high: Float

  public init(_ range: ClosedRange<Float>) {
    low = range.lowerBound
    high = range.upperBound
  }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(inputs.count == 2, "takes x and dy")
    try requireShape(inputs[0].shape == inputs[1].shape, "x and dy have one shape")
    return [inputs[0]]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let values = zip(inputs[0].values, inputs[1].values).map { x, dy in
      x >= Double(low) && x <= Double(high) ? dy : 0
    }
    return [HostTensor(outputs[0], values)]
  }
}

extension Tensor {
  /// The values, those outside the range replaced by its nearer end.
  public func clamped(to range: ClosedRange<Float>) -> Tensor {
    Tensor.apply(Clamp(range), [self])[0]
  }
}
