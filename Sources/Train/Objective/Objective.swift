import Foundation
import Graph
import Model

/// How noisy inputs and targets are made of latents and noise, and at which times.
///
/// Every objective is linear in (x0, noise), so that one sample's draw is four coefficients:
///
///     noisy = c0 x0 + c1 noise,    target = d0 x0 + d1 noise
///
///     flow      noisy = (1 - t) x0 + t noise,    target = noise - x0        network time 1000 t
///     v         noisy = a x0 + s noise,          target = a noise - s x0    network time = timestep
///     epsilon   noisy = a x0 + s noise,          target = noise
///               a = sqrt(alphaBar), s = sqrt(1 - alphaBar)
public struct Objective: Sendable {
  /// What the network learns to predict.
  public var prediction: PredictionType
  /// alphaBar by timestep, for v and epsilon.
  public var schedule: NoiseSchedule
  /// How times are drawn, for flow.
  public var times: TimeDistribution

  public init(
    prediction: PredictionType, schedule: NoiseSchedule,
    times: TimeDistribution = TimeDistribution()
  ) {
    self.prediction = prediction
    self.schedule = schedule
    self.times = times
  }

  /// The coefficients of one sample at a time.
  public struct Draw: Equatable, Sendable {
    /// What the network is told: 1000 t for flow, the integer timestep otherwise.
    public var networkTime: Float
    /// (c0, c1) of the noisy input.
    public var noisy: (Float, Float)
    /// (d0, d1) of the target.
    public var target: (Float, Float)

    public static func == (a: Draw, b: Draw) -> Bool {
      a.networkTime == b.networkTime && a.noisy == b.noisy && a.target == b.target
    }
  }

  /// - Parameter time: t in (0, 1) for flow; the timestep 0...999 for the others.
  public func draw(at time: Double) -> Draw {
    if prediction == .flow {
      return Draw(
        networkTime: Float(1000 * time), noisy: (Float(1 - time), Float(time)), target: (-1, 1))
    }
    let alphaBar = schedule.alphaBar[Int(time)]
    let (a, s) = (Float(alphaBar.squareRoot()), Float((1 - alphaBar).squareRoot()))
    return Draw(
      networkTime: Float(Int(time)), noisy: (a, s),
      target: prediction == .v ? (-s, a) : (0, 1))
  }

  /// Time of a training sample, from three random numbers.
  /// - Parameters:
  ///   - normal: standard normal
  ///   - uniforms: two on [0, 1): the choice of distribution and the uniform time
  ///   - pixels: area of the image in pixels, for the resolution-dependent shift
  public func time(normal: Double, uniforms: (Double, Double), pixels: Int) -> Double {
    guard prediction == .flow else {
      return (uniforms.1 * Double(NoiseSchedule.timestepCount)).rounded(.down)
    }
    return times.time(normal: normal, uniforms: uniforms, pixels: pixels)
  }
}

/// Distribution of the flow-matching time t in (0, 1).
///
///     t = sigmoid(mean + deviation z), or uniform with probability `uniformFraction`,
///     then t <- shift t / (1 + (shift - 1) t)
///
/// - Source: Esser et al. 2024 (SD3, arXiv 2403.03206), sections 3.1 and 5.3.2.
public struct TimeDistribution: Sendable, Equatable {
  /// The a of t <- a t / (1 + (a - 1) t): above 1 means more noise.
  public enum Shift: Sendable, Equatable {
    case constant(Double)
    /// sqrt(pixels / 1024^2) times the shift at 1024 x 1024.
    case byResolution(at1024: Double)

    /// The shift of a picture of this area in pixels.
    public func value(pixels: Int) -> Double {
      switch self {
      case .constant(let shift): shift
      case .byResolution(let shift): shift * (Double(pixels) / (1024 * 1024)).squareRoot()
      }
    }
  }

  /// Mean of the normal variable inside the sigmoid.
  public var logitMean: Double
  /// Its standard deviation, above 0.
  public var logitDeviation: Double
  /// Share of samples whose time is uniform: logit-normal times alone hardly ever come near 1.
  public var uniformFraction: Double
  /// Shift of all times, uniform ones too.
  public var shift: Shift

  public init(
    logitMean: Double = 0, logitDeviation: Double = 1, uniformFraction: Double = 0,
    shift: Shift = .constant(1)
  ) {
    self.logitMean = logitMean
    self.logitDeviation = logitDeviation
    self.uniformFraction = uniformFraction
    self.shift = shift
  }

  func time(normal: Double, uniforms: (Double, Double), pixels: Int) -> Double {
    let plain =
      uniforms.0 < uniformFraction
      ? uniforms.1 : 1 / (1 + exp(-(logitMean + logitDeviation * normal)))
    let shifted = shiftedTime(plain, by: shift.value(pixels: pixels))
    // The open interval, also where a draw rounds to an end.
    return min(max(shifted, 1e-6), 1 - 1e-6)
  }
}

/// `t' = a t / (1 + (a - 1) t)`. Source: SD3 (arXiv 2403.03206), equation 23.
public func shiftedTime(_ time: Double, by shift: Double) -> Double {
  shift * time / (1 + (shift - 1) * time)
}
