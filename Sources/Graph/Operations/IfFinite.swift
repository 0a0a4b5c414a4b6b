/// `y = a` where the probe is finite, else `b`.
///
/// Shapes: probe, a, b and y all f32 [1].
public struct IfFinite: Operation {
  public static let name = "if_finite"
  public init() {}

  public var inPlacePairs: [(input: Int, output: Int)] { [(0, 0), (1, 0), (2, 0)] }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    let scalar = TensorType([1], .f32)
    try requireShape(
      inputs == [scalar, scalar, scalar], "takes a probe and two values, all \(scalar)")
    return [scalar]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    // What overflows f32 on a device is not finite there.
    let isFinite = abs(inputs[0].values[0]) <= Double(Float.greatestFiniteMagnitude)
    return [HostTensor(outputs[0], inputs[isFinite ? 1 : 2].values)]
  }
}

extension Tensor {
  /// Itself where the probe is finite, else `other`; all f32 [1].
  public func ifFinite(_ probe: Tensor, else other: Tensor) -> Tensor {
    Tensor.apply(IfFinite(), [probe, self, other])[0]
  }
}
