/// Every pixel four times: `y[n, h, w, c] = x[n, h / 2, w / 2, c]`.
///
/// Shapes: x [N, H, W, C]; y [N, 2H, 2W, C].
public struct UpsampleNearest: Operation {
  public static let name = "upsample_nearest"
  public init() {}

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(inputs.count == 1 && inputs[0].rank == 4, "takes one tensor [N, H, W, C]")
    let s = inputs[0].shape
    return [TensorType([s[0], 2 * s[1], 2 * s[2], s[3]], inputs[0].dtype)]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let y = upsampledOffsets(inputs[0].shape).map { inputs[0].values[$0] }
    return [HostTensor(outputs[0], y)]
  }

  public func gradient(_ context: GradientContext) -> [Tensor?] {
    guard let dy = context.outputGradients[0] else { return [nil] }
    return [Tensor.apply(UpsampleNearestGradient(), [dy])[0]]
  }
}

/// The sum of the four pixels that came from one.
///
/// Shapes: dy [N, 2H, 2W, C]; dx [N, H, W, C].
public struct UpsampleNearestGradient: Operation {
  public static let name = "upsample_nearest_gradient"
  public init() {}

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(inputs.count == 1 && inputs[0].rank == 4, "takes one tensor [N, 2H, 2W, C]")
    let s = inputs[0].shape
    try requireShape(s[1] % 2 == 0 && s[2] % 2 == 0, "\(inputs[0]) has odd sides")
    return [TensorType([s[0], s[1] / 2, s[2] / 2, s[3]], inputs[0].dtype)]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    var dx = HostTensor(zeros: outputs[0])
    for (value, offset) in zip(inputs[0].values, upsampledOffsets(outputs[0].shape)) {
      dx.values[offset] += value
    }
    return [dx]
  }

  public func gradient(_ context: GradientContext) -> [Tensor?] {
    [context.outputGradients[0]?.upsampled()]
  }
}

/// For each element of the upsampled tensor, in order, the offset of its source in [N, H, W, C].
private func upsampledOffsets(_ shape: [Int]) -> [Int] {
  let (n, h, w, c) = (shape[0], shape[1], shape[2], shape[3])
  var offsets: [Int] = []
  offsets.reserveCapacity(4 * n * h * w * c)
  for row in 0..<(n * 2 * h) {
    let source = row / (2 * h) * h + row % (2 * h) / 2
    for column in 0..<(2 * w) {
      let pixel = (source * w + column / 2) * c
      for channel in 0..<c { offsets.append(pixel + channel) }
    }
  }
  return offsets
}

extension Tensor {
  /// Twice the height and width; every pixel four times.
  public func upsampled() -> Tensor { Tensor.apply(UpsampleNearest(), [self])[0] }
}
