/// Euler's method on the probability-flow ODE: one network evaluation a step.
///
///     z' = signal' x0 + noise' e
///
/// which is x + (sigma' - sigma) dx/dsigma for epsilon and v, x + (t' - t) v for flow.
/// - Source: Karras et al. 2022 (arXiv 2206.00364), algorithm 1 without the second-order part.
public struct EulerSampler: Sampler {
  public init() {}

  public func advance(
    _ z: [Float], estimate: Estimate, over step: SamplingStep
  ) -> [Float] {
    weightedSum((step.to.signal, estimate.x0), (step.to.noise, estimate.noise))
  }
}
