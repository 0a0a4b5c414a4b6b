import Model

/// What a network is given and asked for at one noise level, as coefficients of (x0, noise):
///
///     input = signal x0 + noise e,    output = targetSignal x0 + targetNoise e
///
///     flow      input = (1 - t) x0 + t e,   output = e - x0        time 1000 t
///     v         input = a x0 + s e,         output = a e - s x0    time = timestep
///     epsilon   input = a x0 + s e,         output = e
///               a = sqrt(alphaBar), s = sqrt(1 - alphaBar)
public struct Parametrization: Equatable, Sendable {
  /// What the network is told.
  public var time: Double
  /// Factor of x0 in the input.
  public var signal: Double
  /// Factor of the noise in the input.
  public var noise: Double
  /// Factor of x0 in the output.
  public var targetSignal: Double
  /// Factor of the noise in the output.
  public var targetNoise: Double

  /// The usual one of a prediction.
  public init(_ prediction: PredictionType, time: Double, signal: Double, noise: Double) {
    self.time = time
    self.signal = signal
    self.noise = noise
    (targetSignal, targetNoise) =
      switch prediction {
      case .flow: (-1, 1)
      case .v: (-noise, signal)
      case .epsilon: (0, 1)
      }
  }

  /// That of a network which predicts epsilon on SDXL's own schedule, at the same ratio of noise to
  /// signal: its input is as large as it knows, and the time is the one at which it saw that ratio.
  ///
  /// Beyond the schedule's end (sigma 14.6) the time stays at 999.
  public var ofEpsilon: Parametrization {
    let norm = (signal * signal + noise * noise).squareRoot()
    return Parametrization(
      .epsilon, time: NoiseSchedule.plain.timestep(sigma: noise / signal), signal: signal / norm,
      noise: noise / norm)
  }

  /// The way from `ofEpsilon` (progress 0) to this (1), straight in time and coefficients.
  ///
  /// Input and output tell x0 and noise apart all the way: signal targetNoise - noise targetSignal is
  /// above 0 for v and flow, but for epsilon's own 0 at pure noise.
  public func eased(progress: Double) -> Parametrization {
    guard progress < 1 else { return self }
    let origin = ofEpsilon
    func blend(_ field: KeyPath<Parametrization, Double>) -> Double {
      (1 - progress) * origin[keyPath: field] + progress * self[keyPath: field]
    }
    var result = self
    result.time = blend(\.time)
    result.signal = blend(\.signal)
    result.noise = blend(\.noise)
    result.targetSignal = blend(\.targetSignal)
    result.targetNoise = blend(\.targetNoise)
    return result
  }

  /// How far input and output tell x0 and noise apart.
  private var determinant: Double { signal * targetNoise - noise * targetSignal }

  /// Factors of input and output in a sum of both.
  struct Factors {
    var input: Double
    var output: Double
  }

  /// Solves input and output for x0 and noise.
  /// - Parameter least: see `estimate`
  func solution(least: Double = 0) -> (x0: Factors, noise: Factors) {
    let divisor = max(determinant, least)
    let x0 = Factors(input: targetNoise / divisor, output: -noise / divisor)
    if determinant < least {
      // x0 is held back: the noise is then what the input has beside it.
      return (
        x0, Factors(input: (1 - signal * x0.input) / noise, output: -signal * x0.output / noise)
      )
    }
    return (x0, Factors(input: -targetSignal / divisor, output: signal / divisor))
  }

  /// What input and output say of x0 and noise.
  /// - Parameter least: of what x0 is divided by: near pure noise an output near epsilon says next to
  ///   nothing of x0, and its error would be blown up without end
  public func estimate(input: [Float], output: [Float], least: Double = 0) -> Estimate {
    let (x0, noise) = solution(least: least)
    return Estimate(
      x0: weightedSum((x0.input, input), (x0.output, output)),
      noise: weightedSum((noise.input, input), (noise.output, output)))
  }

  /// The error of another parametrization's output for one of 1 in this one's, over the same input.
  func errorFactor(to other: Parametrization) -> Double {
    (signal * other.targetNoise - noise * other.targetSignal)
      / max(determinant, Self.leastDeterminant)
  }

  /// What an epsilon model divides by where its schedule ends: sqrt(alphaBar) at timestep 999.
  static let leastDeterminant =
    NoiseSchedule.plain.alphaBar[NoiseSchedule.timestepCount - 1].squareRoot()
}

/// Moves a network that predicts epsilon to another prediction over the first updates of a run.
///
/// In the first update the network is given the input and the time that it knows at the same ratio of
/// noise to signal, and asked for the noise: nothing has to be learnt. Input, time and target then go
/// straight to those of the objective (`Parametrization.eased`), so that in every update the target is
/// near what the update before asked for. After `steps` updates the network is a plain one of its new
/// prediction.
///
/// - Source: matching of interpolants and outputs: Schusterbauer et al. 2025, Diff2Flow
///   (arXiv 2506.02221), which keeps the conversion for good; here it fades out, so that
///   other programs can draw with the model.
public struct Easing: Sendable, Equatable {
  /// Updates until the network predicts what the objective says; at least 1.
  public var steps: Int

  public init(steps: Int) { self.steps = steps }

  /// How far the network is asked to be in the update after `step` others: 0 to 1.
  public func progress(at step: Int) -> Double { min(1, Double(step) / Double(max(1, steps))) }
}
