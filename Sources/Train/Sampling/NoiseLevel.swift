import Model

/// How much of the latents and how much noise a noisy input holds: `z = signal x0 + noise e`.
///
///     epsilon, v   signal = 1 / sqrt(sigma^2 + 1),  noise = sigma / sqrt(sigma^2 + 1)
///     flow         signal = 1 - t,                  noise = t
///
/// Samplers walk on z, which is what the network sees. Pure noise (sigma infinite, or t = 1) is a
/// level like any other: signal 0, noise 1.
public struct NoiseLevel: Sendable, Equatable {
  /// Factor of the latents.
  public let signal: Double
  /// Factor of the unit normal noise.
  public let noise: Double
  /// Methods that average slopes do so for z / scale: by sigma for epsilon and v, by t for flow.
  let scale: Double

  /// The level of a variance-preserving schedule, for epsilon and v.
  /// - Parameter sigma: noise over signal, 0 to infinity
  public init(sigma: Double) {
    signal = sigma.isFinite ? 1 / (sigma * sigma + 1).squareRoot() : 0
    noise = sigma.isFinite ? sigma * signal : 1
    scale = signal
  }

  /// The level at a time of a straight path, for flow.
  /// - Parameter flowTime: 0 (latents) to 1 (noise)
  public init(flowTime: Double) {
    signal = 1 - flowTime
    noise = flowTime
    scale = 1
  }

  /// Noise over signal; infinite for pure noise.
  public var sigma: Double { noise / signal }

  /// Whether sigma is infinite or a number that stands for it, above the largest finite one of a
  /// schedule with zero terminal SNR (2254.24). Slopes by sigma say nothing over a step from here.
  var isTerminal: Bool { scale < Self.leastFiniteScale }

  private static let leastFiniteScale =
    NoiseLevel(sigma: NoiseSchedule(zeroTerminalSNR: true).largestFiniteSigma).scale * (1 - 1e-9)
}

/// What a prediction says of a noisy input: the latents and the noise in it.
public struct Estimate: Sendable, Equatable {
  /// The clean latents.
  public var x0: [Float]
  /// The noise, unit normal if the prediction is right.
  public var noise: [Float]

  public init(x0: [Float], noise: [Float]) {
    self.x0 = x0
    self.noise = noise
  }

  /// Solves `z = a x0 + s e` and the definition of the prediction for x0 and e.
  ///
  ///     epsilon   x0 = (z - s output) / a,   e = output
  ///     v         x0 = a z - s output,       e = s z + a output     (a^2 + s^2 = 1)
  ///     flow      x0 = z - s output,         e = z + a output       (a + s = 1)
  ///
  /// - Parameters:
  ///   - output: the network's, after guidance
  ///   - z: what it was given, at `level` (above pure noise for epsilon)
  public init(
    _ prediction: PredictionType, output: [Float], at z: [Float], _ level: NoiseLevel
  ) {
    self = Parametrization(prediction, time: 0, signal: level.signal, noise: level.noise)
      .estimate(input: z, output: output)
  }
}

/// The sum of latents times factors, in f32 in the order of the terms.
func weightedSum(_ terms: (factor: Double, values: [Float])...) -> [Float] {
  var sum = [Float](repeating: 0, count: terms.first?.values.count ?? 0)
  for (factor, values) in terms {
    let factor = Float(factor)
    for (index, value) in zip(sum.indices, values) { sum[index] += factor * value }
  }
  return sum
}
