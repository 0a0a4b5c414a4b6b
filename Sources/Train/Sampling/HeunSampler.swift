/// Heun's method on the probability-flow ODE: the mean of the slopes at a step's start and end, two
/// network evaluations a step and one in the last.
///
///     x' = x + (sigma' - sigma) (d + d') / 2   with x = z / signal, d = e      (epsilon, v)
///     x' = x + (t' - t) (v + v') / 2           with x = z, v = e - x0          (flow)
///
/// A step from where sigma is infinite, or a number that stands for it, is Euler's: half of an
/// infinite step would go by the slope at its end.
/// - Source: Karras et al. 2022 (arXiv 2206.00364), algorithm 1.
public struct HeunSampler: Sampler {
  public init() {}

  public func advance(
    _ z: [Float], estimate: Estimate, over step: SamplingStep
  ) throws -> [Float] {
    let (from, to) = (step.from, step.to)
    let euler = weightedSum((to.signal, estimate.x0), (to.noise, estimate.noise))
    if step.isLast || from.isTerminal { return euler }
    let end = try step.evaluateEnd(euler)
    // What the mean of the slopes adds to Euler's step, in coordinates z / scale.
    let signal = to.scale * (to.signal / to.scale - from.signal / from.scale) / 2
    let noise = to.scale * (to.noise / to.scale - from.noise / from.scale) / 2
    return weightedSum(
      (1, euler), (signal, end.x0), (-signal, estimate.x0), (noise, end.noise),
      (-noise, estimate.noise))
  }
}
