import Model

/// A sampler's walk down a table of noise levels.
public struct SamplingProcess: Sendable, Equatable {
  /// What the network predicts.
  public var prediction: PredictionType
  /// Times and noise levels that are visited.
  public var table: SamplingTable
  /// The numerical method.
  public var method: SamplingMethod
  /// Share of fresh noise; nil leaves it to the method.
  public var eta: Double?
  /// How far the network is on its way from epsilon to `prediction`, see `Easing`; 1: it is there.
  public var easingProgress: Double

  public init(
    prediction: PredictionType, table: SamplingTable, method: SamplingMethod = .euler,
    eta: Double? = nil, easingProgress: Double = 1
  ) {
    self.easingProgress = easingProgress
    self.prediction = prediction
    self.table = table
    self.method = method
    self.eta = eta
  }

  /// Where a walk stands.
  public struct Progress: Sendable {
    /// Steps done, from 1.
    public var step: Int
    /// Steps of the whole walk.
    public var steps: Int
    /// The clean latents as last estimated, in the layout of the noise.
    public var estimate: [Float]
  }

  /// - Parameters:
  ///   - noise: unit normal, any layout
  ///   - stepNoise: unit normal of a step, from 0, in the same layout
  ///   - progress: called after each step
  ///   - network: (noisy latents, time) -> prediction, after guidance
  /// - Returns: latents, in the layout of `noise`
  public func sample(
    noise: [Float], stepNoise: @escaping (Int) -> [Float],
    progress: (Progress) throws -> Void = { _ in },
    network: ([Float], Float) throws -> [Float]
  ) throws -> [Float] {
    try withoutActuallyEscaping(network) { network in
      var sampler = method.makeSampler(eta: eta)
      var z = weightedSum((table.initialScale, noise))
      let levels = table.levels(prediction)
      let steps = table.timesteps.count
      func estimate(_ z: [Float], at index: Int) throws -> Estimate {
        guard easingProgress == 1 else {
          return try easedEstimate(z, levels[index], table.timesteps[index], network)
        }
        let output = try network(z, Float(table.timesteps[index]))
        return Estimate(prediction, output: output, at: z, levels[index])
      }
      for index in 0..<steps {
        let start = try estimate(z, at: index)
        let step = SamplingStep(
          from: levels[index], to: levels[index + 1], isLast: index == steps - 1,
          noise: { stepNoise(index) }, evaluateEnd: { try estimate($0, at: index + 1) })
        z = try sampler.advance(z, estimate: start, over: step)
        try progress(Progress(step: index + 1, steps: steps, estimate: start.x0))
      }
      return z
    }
  }

  /// What a network says that is on its way from epsilon.
  private func easedEstimate(
    _ z: [Float], _ level: NoiseLevel, _ time: Double,
    _ network: ([Float], Float) throws -> [Float]
  ) throws -> Estimate {
    let parametrization = Parametrization(
      prediction, time: time, signal: level.signal, noise: level.noise
    ).eased(progress: easingProgress)
    let input = weightedSum((parametrization.noise / level.noise, z))
    let output = try network(input, Float(parametrization.time))
    return parametrization.estimate(
      input: input, output: output, least: Parametrization.leastDeterminant)
  }
}

/// Classifier-free guidance, rescaled.
///
///     x = unconditional + scale (conditional - unconditional)
///     x <- rescale std(conditional) / std(x) x + (1 - rescale) x
///
/// The standard deviations are over the whole prediction. Rescaling keeps strong guidance from
/// brightening and saturating pictures, above all with zero terminal SNR (0.7 there).
/// - Source: Ho and Salimans 2022 (arXiv 2207.12598), in the scale convention of Imagen and SDXL;
///   Lin et al. 2023 (arXiv 2305.08891), equations 14 to 16.
public func guided(
  _ conditional: [Float], _ unconditional: [Float], scale: Float, rescale: Float = 0
) -> [Float] {
  let guided = zip(conditional, unconditional).map { $1 + scale * ($0 - $1) }
  let deviation = standardDeviation(guided)
  guard rescale > 0, deviation > 0 else { return guided }
  let factor = Float(standardDeviation(conditional) / deviation) * rescale + (1 - rescale)
  return guided.map { $0 * factor }
}

private func standardDeviation(_ values: [Float]) -> Double {
  let count = Double(max(1, values.count))
  let mean = values.reduce(0) { $0 + Double($1) } / count
  return (values.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / count).squareRoot()
}
