import ArgumentParser
import Graph
import Model
import Train

/// How noise becomes a picture, for commands that sample.
struct SamplerOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The sampler.", discussion: "Flow has euler, heun and dpmpp_2m.", valueName: "sampler"))
  var sampler: SamplingMethod = .euler

  @Option(
    help: ArgumentHelp(
      "Which noise levels are visited, for v and epsilon.",
      discussion: "native is trailing with zero terminal SNR, else leading; karras, exponential "
        + "and beta are ramps of sigma.",
      valueName: "spacing"))
  var spacing: Spacing = .native

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Noise level where a ramp begins; needed with zero terminal SNR, whose own is infinite.",
      valueName: "sigma"))
  var sigmaMax: Double?

  @Flag(help: "Step from infinity to --sigma-max first; for ramps with zero terminal SNR.")
  var infiniteFirstStep = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Share of fresh noise, 0 to 1, for euler_ancestral and dpmpp_2m_sde (default 1) and ddim (0).",
      valueName: "share"))
  var eta: Double?

  @Flag(help: "Zero terminal SNR schedule, for v.")
  var ztsnr = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Noise level that stands for infinity with zero terminal SNR; inf is the exact limit.",
      discussion: "Default: 20000, as in NovelAI V3, in `vkxl sample`; 4096, as in diffusers, in "
        + "`vkxl forward sample`; inf for ddim. ComfyUI has 4518.76.", valueName: "sigma"))
  var terminalSigma: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Shift of flow times, above 0; for flow only.",
      discussion: "Default: the checkpoint's own in `vkxl sample`, else 1.", valueName: "a"))
  var shift: Double?

  /// - Parameters:
  ///   - prediction: what the model predicts; nil when not yet known
  ///   - zeroTerminalSNR: whether the schedule ends in pure noise; nil when not yet known
  /// - Throws: `InputError` naming the first option that cannot be right or does not go with these.
  func check(prediction: PredictionType?, zeroTerminalSNR: Bool?) throws {
    if let shift, !shift.isFinite || shift <= 0 {
      throw InputError(
        "--shift", expected: "a number above 0", found: "\(shift)",
        hint: "1 leaves the times as they are, above 1 spends more steps at much noise")
    }
    if let prediction, prediction != .flow, shift != nil {
      throw InputError("--shift", expected: "prediction flow", found: prediction.rawValue)
    }
    if prediction == .flow, spacing != .native {
      throw InputError(
        "--spacing", expected: "prediction v or epsilon", found: "flow",
        hint: "flow times are evenly spaced; move them with --shift")
    }
    if let prediction { try sampler.requireSupport(of: prediction, place: "--sampler") }
    if let prediction, let zeroTerminalSNR {
      try OptionCheck.requireConsistent(prediction: prediction, ztsnr: zeroTerminalSNR)
    }
    try checkEta()
    try checkRamp(zeroTerminalSNR)
    try checkTerminalSigma(zeroTerminalSNR)
  }

  private func checkEta() throws {
    guard let eta else { return }
    try OptionCheck.require("--eta", eta, in: 0...1)
    if sampler.usualEta == nil {
      throw InputError(
        "--eta", expected: "euler_ancestral, dpmpp_2m_sde or ddim", found: sampler.rawValue,
        hint: "this sampler adds no noise")
    }
  }

  private func checkRamp(_ zeroTerminalSNR: Bool?) throws {
    if spacing.ramp != nil, sampler == .ddim {
      throw InputError(
        "--spacing", expected: "native, leading, trailing or linspace with ddim",
        found: spacing.rawValue,
        hint: "ddim knows the schedule's own times alone; euler takes the same steps on a ramp")
    }
    for (option, isGiven) in [
      ("--sigma-max", sigmaMax != nil), ("--infinite-first-step", infiniteFirstStep),
    ] where isGiven && spacing.ramp == nil {
      throw InputError(
        option, expected: "--spacing karras, exponential or beta", found: spacing.rawValue)
    }
    guard let zeroTerminalSNR else { return }
    if zeroTerminalSNR, spacing == .leading {
      throw InputError(
        "--spacing", expected: "native, trailing or linspace with zero terminal SNR",
        found: spacing.rawValue,
        hint: "leading steps begin below pure noise, which the model was trained to begin with")
    }
    if infiniteFirstStep, !zeroTerminalSNR {
      throw InputError(
        "--infinite-first-step", expected: "a zero terminal SNR schedule",
        found: "one whose sigmas are all finite", hint: "leave it out, or add --ztsnr")
    }
    if let sigmaMax {
      let largest = NoiseSchedule(zeroTerminalSNR: zeroTerminalSNR).largestFiniteSigma
      let limit = (largest * 1e4).rounded() / 1e4
      guard sigmaMax >= 1, sigmaMax <= limit else {
        throw InputError(
          "--sigma-max", expected: "1 to \(limit), the schedule's largest finite sigma",
          found: "\(sigmaMax)",
          hint: zeroTerminalSNR
            ? "14.6 is usual; pure noise is reached by --infinite-first-step"
            : "14.6 is where SDXL's schedule ends; more noise needs zero terminal SNR")
      }
    } else if zeroTerminalSNR, spacing.ramp != nil {
      throw InputError(
        "--spacing", expected: "a finite --sigma-max, where the ramp begins",
        found: "\(spacing.rawValue) from infinity",
        hint: "add --sigma-max 14.6 --infinite-first-step; a ramp from 20000 would spend three "
          + "quarters of its steps above 14.6")
    }
  }

  private func checkTerminalSigma(_ zeroTerminalSNR: Bool?) throws {
    guard let terminalSigma else { return }
    let largest = NoiseSchedule(zeroTerminalSNR: true).largestFiniteSigma
    guard terminalSigma > largest else {
      throw InputError(
        "--terminal-sigma",
        expected: "a number above \((largest * 10).rounded(.up) / 10), the schedule's largest "
          + "finite sigma", found: "\(terminalSigma)",
        hint: "in use are 20000 (NovelAI V3), 4518.76 (ComfyUI) and 4096 (diffusers)")
    }
    if zeroTerminalSNR == false {
      throw InputError(
        "--terminal-sigma", expected: "a zero terminal SNR schedule",
        found: "one whose sigmas are all finite", hint: "leave it out, or add --ztsnr")
    }
  }

  /// - Parameters:
  ///   - steps: number of steps
  ///   - usualShift: for flow, unless `--shift` says otherwise
  ///   - usualTerminalSigma: unless `--terminal-sigma` or the sampler says otherwise
  func tableSettings(
    steps: Int, usualShift: Double, usualTerminalSigma: Double
  ) -> TableSettings {
    TableSettings(
      steps: steps, method: sampler, spacing: spacing, shift: shift ?? usualShift,
      terminalSigma: terminalSigma ?? sampler.terminalSigma(usual: usualTerminalSigma),
      rampMaximum: sigmaMax, beginsAtTerminal: infiniteFirstStep)
  }
}

extension SamplingMethod: ExpressibleByArgument {}

extension Spacing: ExpressibleByArgument {}
