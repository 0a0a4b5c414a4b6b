/// Euler's method to a lower level than asked for, then fresh noise up to the level asked for.
///
///     sigma_up = min(sigma', eta sigma' sqrt(1 - (sigma' / sigma)^2)),
///     sigma_down = sqrt(sigma'^2 - sigma_up^2),
///     z' = signal' (x0 + sigma_down e + sigma_up n)
///
/// - Source: the ancestral step of Ho et al. 2020 (arXiv 2006.11239) in sigma form, as k-diffusion's
///   `sample_euler_ancestral` defines it.
public struct EulerAncestralSampler: Sampler {
  /// Share of the fresh noise, 0 (Euler) and up.
  public var eta: Double

  public init(eta: Double = 1) { self.eta = eta }

  public func advance(
    _ z: [Float], estimate: Estimate, over step: SamplingStep
  ) -> [Float] {
    let target = step.to.sigma
    let ratio = target / step.from.sigma
    let up = min(target, eta * target * max(0, 1 - ratio * ratio).squareRoot())
    let down = max(0, target * target - up * up).squareRoot()
    let signal = step.to.signal
    guard up > 0 else { return weightedSum((signal, estimate.x0), (signal * down, estimate.noise)) }
    return weightedSum(
      (signal, estimate.x0), (signal * down, estimate.noise), (signal * up, step.noise()))
  }
}
