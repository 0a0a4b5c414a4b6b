/// `y = factor x`, in the shape and storage of x.
public struct Scale: Operation {
  public static let name = "scale"
  public let factor: Float

  public init(factor: Float) { self.factor = factor }

  public var inPlacePairs: [(input: Int, output: Int)] { [(0, 0)] }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(inputs.count == 1, "takes one tensor")
    return [inputs[0]]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    [HostTensor(outputs[0], inputs[0].values.map { $0 * Double(factor) })]
  }

  public func gradient(_ context: GradientContext) -> [Tensor?] {
    [context.outputGradients[0].map { $0 * factor }]
  }
}

extension Tensor {
  /// `factor x`, elementwise.
  public static func * (x: Tensor, factor: Float) -> Tensor {
    apply(Scale(factor: factor), [x])[0]
  }
}
