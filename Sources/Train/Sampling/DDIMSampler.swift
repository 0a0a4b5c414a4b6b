/// Denoising diffusion implicit models: towards the clean estimate, along the noise in the input.
///
///     tau = eta sqrt((1 - A') / (1 - A)) sqrt(1 - A / A')   with A = alphaBar = signal^2
///     z' = signal' x0 + sqrt(1 - A' - tau^2) e + tau n
///
/// - Source: Song et al. 2020 (arXiv 2010.02502), equations 12 and 16.
public struct DDIMSampler: Sampler {
  /// Share of the fresh noise: 0 is deterministic, 1 as in DDPM.
  public var eta: Double

  public init(eta: Double = 0) { self.eta = eta }

  public func advance(
    _ z: [Float], estimate: Estimate, over step: SamplingStep
  ) -> [Float] {
    let (from, to) = (step.from, step.to)
    let ratio = from.signal / to.signal
    let tau = eta * to.noise / from.noise * max(0, 1 - ratio * ratio).squareRoot()
    let along = max(0, to.noise * to.noise - tau * tau).squareRoot()
    let clean = weightedSum((to.signal, estimate.x0), (along, estimate.noise))
    return tau > 0 ? weightedSum((1, clean), (tau, step.noise())) : clean
  }
}
