/// What an update does with gradients of a given norm: their scale, and the count of updates.
///
///     norm finite:      scale = min(1, maximumNorm / (norm + 1e-6)),   step' = step + 1
///     norm not finite:  scale = -1 (the update is skipped),            step' = step
///
/// Shapes: norm, step f32 [1]; scale, step' f32 [1]. Without a maximum the scale is 1.
/// - Source: `torch.nn.utils.clip_grad_norm_`.
public struct ClipControl: Operation {
  public static let name = "clip_control"
  public let maximumNorm: Float?

  public init(maximumNorm: Float?) { self.maximumNorm = maximumNorm }

  public var inPlacePairs: [(input: Int, output: Int)] { [(1, 1)] }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    let scalar = TensorType([1], .f32)
    try requireShape(inputs == [scalar, scalar], "takes norm and step, both \(scalar)")
    return [scalar, scalar]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let (norm, step) = (inputs[0].values[0], inputs[1].values[0])
    // What overflows f32 on a device is not finite there.
    let isFinite = abs(norm) <= Double(Float.greatestFiniteMagnitude)
    let scale = maximumNorm.map { min(1, Double($0) / (norm + 1e-6)) } ?? 1
    return [
      HostTensor(outputs[0], [isFinite ? scale : -1]),
      HostTensor(outputs[1], [isFinite ? step + 1 : step]),
    ]
  }
}
