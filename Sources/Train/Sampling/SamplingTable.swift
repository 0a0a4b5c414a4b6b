import Foundation
import Graph
import Model

/// How sampling steps are spread over the schedule.
public enum Spacing: String, Sendable, CaseIterable {
  /// Multiples of 1000 / n from below, plus 1: what SDXL base was released with.
  case leading
  /// From the very end of the schedule: needed with zero terminal SNR.
  case trailing
  /// Evenly from 999 to 0.
  case linspace
  /// Karras et al. 2022 between the ends of the leading spacing.
  case karras
}

/// The times at which a sampler evaluates the network, and the noise level at each.
public struct SamplingTable: Sendable, Equatable {
  /// What the network is told at each step.
  public var timesteps: [Double]
  /// Noise level of each step, and 0 after the last one.
  public var sigmas: [Double]
  /// Standard deviation of the noise that sampling starts from.
  public var initialSigma: Double

  public init(timesteps: [Double], sigmas: [Double], initialSigma: Double) {
    self.timesteps = timesteps
    self.sigmas = sigmas
    self.initialSigma = initialSigma
  }

  /// What stands for infinity unless said otherwise. Source: NovelAI V3 (arXiv 2409.15997).
  public static let usualTerminalSigma = 20000.0

  /// The table that suits what a model predicts.
  ///
  /// - Parameters:
  ///   - spacing: for epsilon and v; by default trailing with zero terminal SNR, else leading.
  ///   - shift: for flow.
  ///   - terminalSigma: for zero terminal SNR.
  public init(
    prediction: PredictionType, schedule: NoiseSchedule, spacing: Spacing? = nil, steps: Int,
    shift: Double, terminalSigma: Double = usualTerminalSigma
  ) {
    guard prediction != .flow else {
      self.init(flowSteps: steps, shift: shift)
      return
    }
    self.init(
      schedule: schedule,
      spacing: spacing ?? (schedule.hasZeroTerminalSNR ? .trailing : .leading), steps: steps,
      terminalSigma: terminalSigma)
  }

  /// The table for epsilon and v-prediction.
  ///
  /// - Parameter terminalSigma: stands for infinity with zero terminal SNR; 20000 (NovelAI V3),
  ///   4518.76 (ComfyUI) and 4096 (diffusers) are in use.
  /// - Source: diffusers 0.42.1, EulerDiscreteScheduler.set_timesteps, steps_offset 1 for leading.
  public init(
    schedule: NoiseSchedule, spacing: Spacing, steps: Int,
    terminalSigma: Double = usualTerminalSigma
  ) {
    let table = schedule.sigmas(terminalSigma: terminalSigma)
    let native = Self.timesteps(spacing, steps: steps)
    let interpolated = native.map { Self.interpolate(table, at: $0) }
    if spacing == .karras {
      sigmas = karrasSigmas(
        count: steps, minimum: interpolated[steps - 1], maximum: interpolated[0])
      let logs = table.map { log($0) }
      timesteps = sigmas.map { Self.timestep(ofSigma: $0, logSigmas: logs) }
    } else {
      sigmas = interpolated
      timesteps = native
    }
    let start = sigmas[0]
    initialSigma =
      spacing == .leading || spacing == .karras ? (start * start + 1).squareRoot() : start
    sigmas.append(0)
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
    initialSigma = 1
  }

  private static func timesteps(_ spacing: Spacing, steps: Int) -> [Double] {
    let count = NoiseSchedule.timestepCount
    switch spacing {
    case .leading, .karras:
      return (0..<steps).reversed().map { Double($0 * (count / steps) + 1) }
    case .trailing:
      let ratio = Double(count) / Double(steps)
      return (0..<steps).map {
        (Double(count) - Double($0) * ratio).rounded(.toNearestOrEven) - 1
      }
    case .linspace:
      return (0..<steps).reversed().map {
        steps == 1 ? 0 : Double(count - 1) * Double($0) / Double(steps - 1)
      }
    }
  }

  private static func interpolate(_ table: [Double], at position: Double) -> Double {
    let low = min(max(Int(position), 0), table.count - 1)
    let high = min(low + 1, table.count - 1)
    return table[low] + (position - Double(low)) * (table[high] - table[low])
  }

  /// Fractional timestep of a noise level, linear in log sigma.
  static func timestep(ofSigma sigma: Double, logSigmas: [Double]) -> Double {
    let value = log(max(sigma, 1e-10))
    let low = min(
      max((logSigmas.firstIndex { $0 > value } ?? logSigmas.count) - 1, 0), logSigmas.count - 2)
    let weight = (logSigmas[low] - value) / (logSigmas[low] - logSigmas[low + 1])
    return Double(low) + min(max(weight, 0), 1)
  }
}
