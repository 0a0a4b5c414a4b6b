import Foundation
import Graph
import Model

/// How noisy inputs and targets are made of latents and noise, at which times, and what each counts.
///
/// Every objective is linear in (x0, noise), see `Parametrization`, so that one sample's draw is four
/// coefficients, a time and a weight.
public struct Objective: Sendable {
  /// What the network learns to predict.
  public var prediction: PredictionType
  /// alphaBar by timestep, for v and epsilon.
  public var schedule: NoiseSchedule
  /// How times are drawn, for flow.
  public var times: TimeDistribution
  /// How noise levels are drawn, for v and epsilon; nil: each timestep as often.
  public var sigmas: SigmaDistribution?
  /// What a sample counts by its noise, for v and epsilon.
  public var weighting: LossWeighting
  /// From which prediction, and how fast, a network is moved to this one; nil: it is there.
  public var easing: Easing?

  public init(
    prediction: PredictionType, schedule: NoiseSchedule,
    times: TimeDistribution = TimeDistribution(), sigmas: SigmaDistribution? = nil,
    weighting: LossWeighting = .none, easing: Easing? = nil
  ) {
    self.prediction = prediction
    self.schedule = schedule
    self.times = times
    self.sigmas = sigmas
    self.weighting = weighting
    self.easing = easing
  }

  /// The coefficients of one sample at a time.
  public struct Draw: Equatable, Sendable {
    /// What the network is told: 1000 t for flow, the timestep otherwise.
    public var networkTime: Float
    /// (c0, c1) of the noisy input.
    public var noisy: (Float, Float)
    /// (d0, d1) of the target.
    public var target: (Float, Float)
    /// Factor of the sample's loss.
    public var weight: Float = 1

    public static func == (a: Draw, b: Draw) -> Bool {
      a.networkTime == b.networkTime && a.noisy == b.noisy && a.target == b.target
        && a.weight == b.weight
    }
  }

  /// The draw once the network is where the objective wants it.
  /// - Parameter time: t in (0, 1) for flow; the timestep 0...999, or one between two, for the others.
  public func draw(at time: Double) -> Draw { draw(at: time, progress: 1) }

  /// - Parameters:
  ///   - time: t in (0, 1) for flow; the timestep 0...999, or one between two, for the others
  ///   - progress: how far the network is on its way from another prediction, 0 to 1
  public func draw(at time: Double, progress: Double) -> Draw {
    let parametrization = parametrization(at: time, progress: progress)
    return Draw(
      networkTime: Float(parametrization.time),
      noisy: (Float(parametrization.signal), Float(parametrization.noise)),
      target: (Float(parametrization.targetSignal), Float(parametrization.targetNoise)),
      weight: Float(weight(at: time, progress: progress)))
  }

  /// What the network is given and asked for at a time.
  public func parametrization(at time: Double, progress: Double = 1) -> Parametrization {
    let (signal, noise, networkTime): (Double, Double, Double)
    if prediction == .flow {
      (signal, noise, networkTime) = (1 - time, time, 1000 * time)
    } else {
      let alphaBar = schedule.alphaBar(timestep: time)
      (signal, noise, networkTime) = (alphaBar.squareRoot(), (1 - alphaBar).squareRoot(), time)
    }
    let own = Parametrization(prediction, time: networkTime, signal: signal, noise: noise)
    return easing == nil ? own : own.eased(progress: progress)
  }

  private func weight(at time: Double, progress: Double) -> Double {
    guard weighting != .none else { return 1 }
    let alphaBar = schedule.alphaBar(timestep: time)
    let snr = alphaBar / (1 - alphaBar)
    let own = weighting.weight(snr: snr, prediction: prediction)
    guard easing != nil, progress < 1 else { return own }
    let origin = weighting.weight(snr: snr, prediction: .epsilon)
    return (1 - progress) * origin + progress * own
  }

  /// Time of a training sample, from three random numbers.
  /// - Parameters:
  ///   - normal: standard normal
  ///   - uniforms: two on [0, 1): the choice of distribution and the uniform time
  ///   - pixels: area of the image in pixels, for what depends on the resolution
  public func time(normal: Double, uniforms: (Double, Double), pixels: Int) -> Double {
    if prediction == .flow {
      return times.time(normal: normal, uniforms: uniforms, pixels: pixels)
    }
    guard let sigmas, uniforms.0 >= sigmas.uniformFraction else {
      return (uniforms.1 * Double(NoiseSchedule.timestepCount)).rounded(.down)
    }
    let sigma = sigmas.sigma(
      uniform: uniforms.1, pixels: pixels, limit: schedule.largestFiniteSigma)
    return schedule.timestep(sigma: sigma)
  }
}
