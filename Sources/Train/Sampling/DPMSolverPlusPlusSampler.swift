import Foundation

/// DPM-Solver++ (2M): second order from the clean estimates of this step and the one before.
///
///     z' = (noise' / noise) z + signal' (1 - exp(-h)) (D + (D - D_before) h / (2 h_before))
///
/// The first and the last step are first-order; h as in `SamplingStep.decay`.
/// - Source: Lu et al. 2022 (arXiv 2211.01095), algorithm 2 (midpoint).
public struct DPMSolverPlusPlusSampler: Sampler {
  private var before: (x0: [Float], h: Double)?

  public init() {}

  public mutating func advance(
    _ z: [Float], estimate: Estimate, over step: SamplingStep
  ) -> [Float] {
    let h = -log(step.decay)
    let gain = step.to.signal * (1 - step.decay)
    // 0 after a step from pure noise, whose h is infinite.
    let slope = before.map { $0.h > 0 && !step.isLast ? gain * h / (2 * $0.h) : 0 } ?? 0
    defer { before = (estimate.x0, h) }
    return weightedSum(
      (step.to.noise / step.from.noise, z), (gain + slope, estimate.x0),
      (-slope, before?.x0 ?? estimate.x0))
  }
}
