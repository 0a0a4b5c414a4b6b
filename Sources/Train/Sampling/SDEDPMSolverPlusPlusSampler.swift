import Foundation

/// SDE-DPM-Solver++ (2M): as DPM-Solver++ (2M), on the reverse SDE.
///
///     z' = (noise' / noise) exp(-eta h) z
///          + signal' (1 - exp(-(1 + eta) h)) (D + (D - D_before) h / (2 h_before))
///          + noise' sqrt(1 - exp(-2 eta h)) n
///
/// - Source: Lu et al. 2022 (arXiv 2211.01095), equation 18 (eta = 1); with eta as k-diffusion's
///   `sample_dpmpp_2m_sde` (midpoint) defines it.
public struct SDEDPMSolverPlusPlusSampler: Sampler {
  /// Share of the fresh noise, 0 (DPM-Solver++) and up.
  public var eta: Double
  private var before: (x0: [Float], h: Double)?

  public init(eta: Double = 1) { self.eta = eta }

  public mutating func advance(
    _ z: [Float], estimate: Estimate, over step: SamplingStep
  ) -> [Float] {
    let h = -log(step.decay)
    let kept = eta > 0 ? exp(-eta * h) : 1
    let gain = step.to.signal * (1 - step.decay * kept)
    let slope = before.map { $0.h > 0 && !step.isLast ? gain * h / (2 * $0.h) : 0 } ?? 0
    defer { before = (estimate.x0, h) }
    let z = weightedSum(
      (kept * step.to.noise / step.from.noise, z), (gain + slope, estimate.x0),
      (-slope, before?.x0 ?? estimate.x0))
    let fresh = step.to.noise * max(0, 1 - kept * kept).squareRoot()
    return fresh > 0 ? weightedSum((1, z), (fresh, step.noise())) : z
  }
}
