import Foundation
import Graph
import Model

/// How sampling steps are spread over the schedule of epsilon and v.
public enum Spacing: String, Sendable, CaseIterable {
  /// Trailing with zero terminal SNR, else leading.
  case native
  /// Multiples of 1000 / n from below, plus 1: what SDXL base was released with.
  case leading
  /// From the very end of the schedule: needed with zero terminal SNR.
  case trailing
  /// Evenly from 999 down.
  case linspace
  /// Karras et al. 2022.
  case karras
  /// Evenly in log sigma.
  case exponential
  /// Quantiles of a beta distribution in sigma.
  case beta

  /// The ramp of noise levels that this spacing is, if it is one.
  public var ramp: NoiseRamp? {
    switch self {
    case .karras: .karras
    case .exponential: .exponential
    case .beta: .beta
    case .native, .leading, .trailing, .linspace: nil
    }
  }
}

/// What a sampling table is made for.
public struct TableSettings: Sendable, Equatable {
  /// Number of steps, 1 to 1000.
  public var steps: Int
  /// The sampler: tables follow the one of diffusers' schedulers that has it.
  public var method = SamplingMethod.euler
  /// For epsilon and v.
  public var spacing = Spacing.native
  /// Shift of the times, for flow.
  public var shift = 1.0
  /// Stands for infinity with zero terminal SNR; infinity is the exact limit.
  public var terminalSigma: Double
  /// Where a ramp begins; nil: where the native spacing does, or the largest finite sigma.
  public var rampMaximum: Double?
  /// Whether the first step of a ramp is from the terminal sigma, for zero terminal SNR.
  public var beginsAtTerminal = false

  /// What stands for infinity unless said otherwise. Source: NovelAI V3 (arXiv 2409.15997).
  public static let usualTerminalSigma = 20000.0

  /// - Parameter terminalSigma: nil: the exact limit for DDIM, else the usual one
  public init(
    steps: Int, method: SamplingMethod = .euler, spacing: Spacing = .native, shift: Double = 1,
    terminalSigma: Double? = nil, rampMaximum: Double? = nil,
    beginsAtTerminal: Bool = false
  ) {
    self.steps = steps
    self.method = method
    self.spacing = spacing
    self.shift = shift
    self.terminalSigma =
      terminalSigma ?? method.terminalSigma(usual: Self.usualTerminalSigma)
    self.rampMaximum = rampMaximum
    self.beginsAtTerminal = beginsAtTerminal
  }
}

extension SamplingMethod {
  /// What stands for infinity: DDIM divides by no sigma and takes the exact limit.
  /// - Parameter usual: for the other samplers
  public func terminalSigma(usual: Double) -> Double { self == .ddim ? .infinity : usual }
}

/// The times at which a sampler evaluates the network, and the noise level at each.
public struct SamplingTable: Sendable, Equatable {
  /// What the network is told at each step.
  public var timesteps: [Double]
  /// Noise level of each step and after the last one: sigma for epsilon and v, t for flow.
  public var sigmas: [Double]
  /// Factor from unit noise to what the first step is given.
  public var initialScale: Double

  public init(timesteps: [Double], sigmas: [Double], initialScale: Double) {
    self.timesteps = timesteps
    self.sigmas = sigmas
    self.initialScale = initialScale
  }

  /// The table that suits what a model predicts.
  public init(
    prediction: PredictionType, schedule: NoiseSchedule, _ settings: TableSettings
  ) {
    if prediction == .flow {
      self.init(flowSteps: settings.steps, shift: settings.shift)
    } else {
      self.init(schedule: schedule, settings)
    }
  }

  /// The levels as samplers take them.
  public func levels(_ prediction: PredictionType) -> [NoiseLevel] {
    sigmas.map { prediction == .flow ? NoiseLevel(flowTime: $0) : NoiseLevel(sigma: $0) }
  }

  /// The table with each level once, of one that has all but the first and the last twice: diffusers
  /// writes Heun's so, where the network is asked twice. Other tables are left as they are.
  public var withoutRepetitions: SamplingTable {
    let inner = Array(sigmas.dropFirst().dropLast())
    let isDoubled =
      inner.count.isMultiple(of: 2)
      && stride(from: 0, to: inner.count, by: 2).allSatisfy { inner[$0] == inner[$0 + 1] }
    guard isDoubled, let first = sigmas.first, let last = sigmas.last else { return self }
    func halved(_ values: [Double]) -> [Double] {
      stride(from: 0, to: values.count, by: 2).map { values[$0] }
    }
    return SamplingTable(
      timesteps: halved(timesteps), sigmas: [first] + halved(inner) + [last],
      initialScale: initialScale)
  }

  /// The table for flow matching: t from 1 to 1/1000, shifted.
  ///
  /// The smallest t is shifted twice, because diffusers takes the ends of its ramp from the
  /// shifted training table and shifts the ramp again.
  /// - Source: diffusers 0.42.1, FlowMatchEulerDiscreteScheduler.set_timesteps.
  public init(flowSteps steps: Int, shift: Double) {
    let last = shiftedTime(1 / Double(NoiseSchedule.timestepCount), by: shift)
    let times = (0..<steps).map { index in
      let ramp = steps == 1 ? 0 : Double(index) / Double(steps - 1)
      return shiftedTime(1 + ramp * (last - 1), by: shift)
    }
    timesteps = times.map { $0 * Double(NoiseSchedule.timestepCount) }
    sigmas = times + [0]
    initialScale = 1
  }
}
