/// What an update does with gradients of a given norm: their scale, and the count of updates.
///
///     norm finite:      scale = min(1, maximumNorm / (norm + 1e-6)),   step' = step + 1
///     norm not finite:  scale = -1 (the update is skipped),            step' = step
///
/// Shapes: norm, step f32 [1]; scale, step' f32 [1]. Without a maximum the scale is 1.
///
/// With `lossScaling` gradients and norm come in lossScale times what they are. Two more inputs:
/// lossScale, goodSteps; three more outputs: norm' = norm / lossScale, lossScale', goodSteps'; all f32
/// [1]. The scale is then that of norm', divided by lossScale, and
///
///     norm finite:      goodSteps' = goodSteps + 1; when that is the interval, goodSteps' = 0 and
///                       lossScale' = min(2 lossScale, 2^24)
///     norm not finite:  goodSteps' = 0,   lossScale' = max(lossScale / 2, 2^-24)
///
/// A loss scale is a power of two, so that multiplying and dividing by it loses nothing.
/// - Source: `torch.nn.utils.clip_grad_norm_`; Micikevicius et al., arXiv 1710.03740, section 3.2;
///   `torch.amp.GradScaler`.
public struct ClipControl: Operation {
  public static let name = "clip_control"

  /// How the scale of the loss follows the gradients.
  public struct LossScaling: Hashable, Sendable {
    /// Updates with finite gradients, one after the other, after which the scale doubles.
    public let growthInterval: Int
    public init(growthInterval: Int) { self.growthInterval = growthInterval }

    /// Beyond these the scale neither grows nor shrinks.
    public static let range: ClosedRange<Float> = 0x1p-24...0x1p24
  }

  /// Nil clips nothing.
  public let maximumNorm: Float?
  /// Nil: gradients are what they are.
  public let lossScaling: LossScaling?

  public init(maximumNorm: Float?, lossScaling: LossScaling? = nil) {
    self.maximumNorm = maximumNorm
    self.lossScaling = lossScaling
  }

  public var inPlacePairs: [(input: Int, output: Int)] {
    lossScaling == nil ? [(1, 1)] : [(1, 1), (2, 3), (3, 4)]
  }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    let scalar = TensorType([1], .f32)
    let count = lossScaling == nil ? 2 : 4
    try requireShape(
      inputs == [TensorType](repeating: scalar, count: count),
      "takes norm, step and, with loss scaling, its scale and good steps, all \(scalar)")
    return [TensorType](repeating: scalar, count: lossScaling == nil ? 2 : 5)
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let step = inputs[1].values[0]
    let lossScale = lossScaling == nil ? 1 : inputs[2].values[0]
    let norm = inputs[0].values[0] / lossScale
    // What overflows f32 on a device is not finite there.
    let isFinite = abs(inputs[0].values[0]) <= Double(Float.greatestFiniteMagnitude)
    let clip = maximumNorm.map { min(1, Double($0) / (norm + 1e-6)) } ?? 1
    var results = [isFinite ? clip / lossScale : -1, isFinite ? step + 1 : step]
    if let lossScaling {
      let goodSteps = isFinite ? inputs[3].values[0] + 1 : 0
      let grows = goodSteps == Double(lossScaling.growthInterval)
      let (least, most) = (
        Double(LossScaling.range.lowerBound), Double(LossScaling.range.upperBound)
      )
      let next =
        isFinite ? (grows ? min(2 * lossScale, most) : lossScale) : max(lossScale / 2, least)
      results += [norm, next, grows ? 0 : goodSteps]
    }
    return zip(outputs, results).map { HostTensor($0, [$1]) }
  }
}
