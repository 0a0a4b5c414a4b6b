/// `y = a b`, elementwise, where `b` is repeated along the dimensions in which it has size 1.
///
/// Shapes: a [d0, ..., dn]; b of the same rank, each dimension equal to a's or 1; y as a.
public struct Multiply: Operation {
  public static let name = "multiply"
  public init() {}

  public var inPlacePairs: [(input: Int, output: Int)] { [(0, 0)] }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(inputs.count == 2, "takes two tensors")
    try requireBroadcast(inputs[1].shape, to: inputs[0].shape)
    return [inputs[0]]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let b = inputs[1].broadcast(to: inputs[0].shape)
    return [HostTensor(outputs[0], zip(inputs[0].values, b).map(*))]
  }

  public func gradient(_ context: GradientContext) -> [Tensor?] {
    guard let dy = context.outputGradients[0] else { return [nil, nil] }
    let (a, b) = (context.inputs[0], context.inputs[1])
    let db = context.needs[1] ? (dy * a).summed(to: b.shape, as: b.dtype) : nil
    return [context.needs[0] ? dy * b : nil, db]
  }
}

extension Tensor {
  /// Elementwise product; `b` may have size 1 where `a` has not.
  public static func * (a: Tensor, b: Tensor) -> Tensor { apply(Multiply(), [a, b])[0] }
}
