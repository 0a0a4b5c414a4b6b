import Model

/// Euler's method on the probability-flow ODE, one network evaluation a step.
///
/// - Source: Karras et al. 2022 (arXiv 2206.00364), algorithm 1 without the second-order part;
///   k-diffusion's `sample_euler` in the sigma form.
public struct EulerSampler: Sendable {
  /// What the network predicts.
  public var prediction: PredictionType
  /// Times and noise levels that are visited.
  public var table: SamplingTable

  public init(prediction: PredictionType, table: SamplingTable) {
    self.prediction = prediction
    self.table = table
  }

  /// - Parameters:
  ///   - noise: unit normal, any layout
  ///   - network: (scaled input, time) -> prediction, after guidance
  ///   - progress: called after each step with the number done
  /// - Returns: latents, in the layout of `noise`
  public func sample(
    noise: [Float], progress: (Int) throws -> Void = { _ in },
    network: ([Float], Float) throws -> [Float]
  ) rethrows -> [Float] {
    var x = noise.map { $0 * Float(table.initialSigma) }
    for (step, timestep) in table.timesteps.enumerated() {
      let (sigma, next) = (table.sigmas[step], table.sigmas[step + 1])
      let input = inputScale(sigma)
      let output = try network(x.map { $0 * input }, Float(timestep))
      let (fromX, fromOutput) = derivative(sigma)
      let dt = next - sigma
      let (keep, add) = (Float(1 + dt * fromX), Float(dt * fromOutput))
      for i in x.indices { x[i] = keep * x[i] + add * output[i] }
      try progress(step + 1)
    }
    return x
  }

  /// Factor from the sample at noise level sigma to what the network takes.
  private func inputScale(_ sigma: Double) -> Float {
    prediction == .flow ? 1 : Float(1 / (sigma * sigma + 1).squareRoot())
  }

  /// dx/dsigma = p x + q output; returns (p, q).
  ///
  ///     flow      output
  ///     epsilon   output
  ///     v         (x - x0) / sigma with x0 = x / (sigma^2 + 1) - sigma output / sqrt(sigma^2 + 1)
  private func derivative(_ sigma: Double) -> (Double, Double) {
    guard prediction == .v else { return (0, 1) }
    let square = sigma * sigma + 1
    return (sigma / square, 1 / square.squareRoot())
  }
}

/// Classifier-free guidance: `unconditional + scale (conditional - unconditional)`.
/// - Source: Ho and Salimans 2022 (arXiv 2207.12598), in the scale convention of Imagen and SDXL.
public func guided(_ conditional: [Float], _ unconditional: [Float], scale: Float) -> [Float] {
  zip(conditional, unconditional).map { $1 + scale * ($0 - $1) }
}
