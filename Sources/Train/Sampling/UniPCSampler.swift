import Foundation

/// UniPC of order 2 with B(h) = exp(h) - 1: each estimate first corrects the step that led to it, then
/// predicts the next.
///
///     predict   z' = (noise' / noise) z + signal' (1 - exp(-h)) (D + d1 / 2),  d1 = (D_1 - D) / r
///     correct   z' = (noise' / noise) z + signal' (1 - exp(-h)) (D + c1 d1 + c2 (D' - D))
///
/// with D' the estimate at the predicted end, r = -h_before / h, and c1, c2 that solve
/// `c1 + c2 = b1, r c1 + c2 = b2`. The first and the last step are first-order (c1 = 0, c2 = 1/2).
/// - Source: Zhao et al. 2023 (arXiv 2302.04867), UniPC-2 in data prediction (bh2).
public struct UniPCSampler: Sampler {
  private struct Step {
    var z: [Float]
    var x0: [Float]
    var slope: [Float]?
    /// Factors of `z` and of the estimates.
    var keep: Double
    var gain: Double
    /// c1 and c2.
    var weights: (Double, Double)
    var h: Double
  }
  private var before: Step?

  public init() {}

  public mutating func advance(
    _ z: [Float], estimate: Estimate, over step: SamplingStep
  ) -> [Float] {
    let x0 = estimate.x0
    let z = before.map { corrected($0, x0) } ?? z
    let h = -log(step.decay)
    var next = Step(
      z: z, x0: x0, slope: nil, keep: step.to.noise / step.from.noise,
      gain: step.to.signal * (1 - step.decay), weights: (0, 0.5), h: h)
    if let before, !step.isLast, before.h > 0 {
      let r = -before.h / h
      next.slope = weightedSum((1 / r, before.x0), (-1 / r, x0))
      next.weights = Self.weights(h: h, r: r)
    }
    defer { before = next }
    return weightedSum(
      (next.keep, z), (next.gain, x0), (next.gain / 2, next.slope ?? []))
  }

  private func corrected(_ step: Step, _ end: [Float]) -> [Float] {
    let (c1, c2) = step.weights
    return weightedSum(
      (step.keep, step.z), (step.gain * (1 - c2), step.x0), (step.gain * c2, end),
      (step.gain * c1, step.slope ?? []))
  }

  /// b1 = phi_2 / B and b2 = 2 phi_3 / B with the phi functions of -h.
  private static func weights(h: Double, r: Double) -> (Double, Double) {
    let b = expm1(-h)
    let phi2 = b / -h - 1
    let phi3 = phi2 / -h - 0.5
    let (b1, b2) = (phi2 / b, 2 * phi3 / b)
    let c1 = (b2 - b1) / (r - 1)
    return (c1, b1 - c1)
  }
}
