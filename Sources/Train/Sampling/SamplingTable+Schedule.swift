import Foundation
import Graph

extension SamplingMethod {
  /// How tables are laid out, which differs among diffusers' schedulers.
  enum TableLayout {
    /// Fractional times, ramps between the ends of the native spacing (Euler, Heun).
    case fractional
    /// Integer times, one point more than steps whose last becomes 0, ramps over the whole schedule
    /// (DPM-Solver++, UniPC).
    case multistep
    /// Integer times, down to the schedule's lowest level, which is what is decoded (DDIM).
    case implicit
  }

  var tableLayout: TableLayout {
    switch self {
    case .euler, .eulerAncestral, .heun: .fractional
    case .dpmSolverPlusPlus, .sdeDPMSolverPlusPlus, .unipc: .multistep
    case .ddim: .implicit
    }
  }
}

extension SamplingTable {
  /// The table for epsilon and v-prediction.
  ///
  /// - Source: diffusers 0.42.1, set_timesteps of EulerDiscreteScheduler, HeunDiscreteScheduler,
  ///   DPMSolverMultistepScheduler, UniPCMultistepScheduler and DDIMScheduler; steps_offset 1 for
  ///   leading.
  public init(schedule: NoiseSchedule, _ settings: TableSettings) {
    let spacing = settings.spacing.resolved(schedule)
    let table = schedule.sigmas(terminalSigma: settings.terminalSigma)
    let layout = settings.method.tableLayout
    if let ramp = spacing.ramp {
      self = Self.ramp(ramp, schedule, table, settings)
    } else {
      let times = Self.timesteps(spacing, layout, steps: settings.steps)
      let levels = times.map { Self.interpolate(table, at: $0) }
      // Trailing and linspace start at the level of their first time; leading starts at pure noise.
      let startsBelow = layout == .fractional && spacing != .leading
      self.init(
        timesteps: times, sigmas: levels,
        initialScale: startsBelow ? NoiseLevel(sigma: levels[0]).noise : 1)
    }
    sigmas.append(layout == .implicit ? table[0] : 0)
  }

  /// Given integer times with the levels that the schedule has there, down to its lowest: what
  /// diffusers' DDIM keeps of a table.
  public static func implicit(
    timesteps: [Double], schedule: NoiseSchedule, terminalSigma: Double
  ) -> SamplingTable {
    let table = schedule.sigmas(terminalSigma: terminalSigma)
    return SamplingTable(
      timesteps: timesteps, sigmas: timesteps.map { interpolate(table, at: $0) } + [table[0]],
      initialScale: 1)
  }

  /// A ramp, without the level after the last step.
  private static func ramp(
    _ ramp: NoiseRamp, _ schedule: NoiseSchedule, _ table: [Double], _ settings: TableSettings
  ) -> SamplingTable {
    let (steps, layout) = (settings.steps, settings.method.tableLayout)
    var (high, low) = (schedule.largestFiniteSigma, table[0])
    if layout == .fractional, !schedule.hasZeroTerminalSNR {
      let native = timesteps(.leading, layout, steps: steps)
      high = interpolate(table, at: native[0])
      low = interpolate(table, at: native[steps - 1])
    }
    let begins = settings.beginsAtTerminal && schedule.hasZeroTerminalSNR && steps > 1
    var sigmas = ramp.sigmas(
      count: steps - (begins ? 1 : 0), minimum: low, maximum: settings.rampMaximum ?? high)
    let logs = table.map { log($0) }
    var times = sigmas.map { sigma -> Double in
      let time = timestep(ofSigma: sigma, logSigmas: logs)
      return layout == .multistep ? integerTime(time, settings.spacing) : time
    }
    if begins {
      sigmas.insert(settings.terminalSigma, at: 0)
      times.insert(Double(NoiseSchedule.timestepCount - 1), at: 0)
    }
    return SamplingTable(timesteps: times, sigmas: sigmas, initialScale: 1)
  }

  /// The time of a ramp's level as the schedulers of several steps tell it to the network: diffusers
  /// rounds those of Karras' ramp, and cuts off what others have beyond the point, where its rounding
  /// errors leave the ends of the schedule just below their whole numbers.
  private static func integerTime(_ time: Double, _ spacing: Spacing) -> Double {
    spacing == .karras
      ? time.rounded(.toNearestOrEven) : max(0, (time - 1e-6).rounded(.down))
  }

  private static func timesteps(
    _ spacing: Spacing, _ layout: SamplingMethod.TableLayout, steps: Int
  ) -> [Double] {
    let last = Double(NoiseSchedule.timestepCount - 1)
    // Multistep tables leave out the lowest of one point more.
    let points = layout == .multistep ? steps + 1 : steps
    switch spacing {
    case .trailing:
      let ratio = (last + 1) / Double(steps)
      return (0..<steps).map { (last + 1 - Double($0) * ratio).rounded(.toNearestOrEven) - 1 }
    case .linspace:
      return (points - steps..<points).reversed().map {
        let time = points == 1 ? 0 : last * Double($0) / Double(points - 1)
        return layout == .fractional ? time : time.rounded(.toNearestOrEven)
      }
    default:
      let ratio = max(1, NoiseSchedule.timestepCount / points)
      return (points - steps..<points).reversed().map { min(last, Double($0 * ratio + 1)) }
    }
  }

  /// The level at a time between those of a table.
  static func interpolate(_ table: [Double], at position: Double) -> Double {
    let low = min(max(Int(position), 0), table.count - 1)
    let high = min(low + 1, table.count - 1)
    let weight = position - Double(low)
    return weight > 0 ? table[low] + weight * (table[high] - table[low]) : table[low]
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

extension Spacing {
  /// This spacing, or what native is for a schedule.
  func resolved(_ schedule: NoiseSchedule) -> Spacing {
    guard self == .native else { return self }
    return schedule.hasZeroTerminalSNR ? .trailing : .leading
  }
}
