import ArgumentParser
import Graph
import Model
import Train

/// How noise becomes a picture, for commands that sample.
struct SamplerOptions: ParsableArguments {
  @Option(help: "The sampler.")
  var sampler: SamplerName = .euler

  @Option(
    help: ArgumentHelp(
      "Which times are visited, for v and epsilon.",
      discussion: "Default: trailing with zero terminal SNR, else leading.",
      valueName: "spacing"))
  var spacing: Spacing?

  @Flag(help: "Zero terminal SNR schedule, for v.")
  var ztsnr = false

  @Option(
    help: ArgumentHelp(
      "Noise level that stands for infinity with zero terminal SNR.",
      discussion: "Default: 20000, as in NovelAI V3, in `vkxl sample`; 4096, as in diffusers, in "
        + "`vkxl forward sample`. ComfyUI has 4518.76.", valueName: "sigma"))
  var terminalSigma: Double?

  @Option(
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
      throw InputError("--shift", expected: "a number above 0", found: "\(shift)")
    }
    if let prediction, prediction != .flow, shift != nil {
      throw InputError("--shift", expected: "prediction flow", found: prediction.rawValue)
    }
    if prediction == .flow, spacing != nil {
      throw InputError(
        "--spacing", expected: "prediction v or epsilon", found: "flow",
        hint: "flow times are evenly spaced; move them with --shift")
    }
    if let prediction, let zeroTerminalSNR {
      try OptionCheck.requireConsistent(prediction: prediction, ztsnr: zeroTerminalSNR)
    }
    try checkTerminalSigma(zeroTerminalSNR)
  }

  private func checkTerminalSigma(_ zeroTerminalSNR: Bool?) throws {
    guard let terminalSigma else { return }
    let largest = NoiseSchedule(zeroTerminalSNR: true).largestFiniteSigma
    guard terminalSigma.isFinite, terminalSigma > largest else {
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
  ///   - usualShift: for flow, unless `--shift` says otherwise
  ///   - usualTerminalSigma: unless `--terminal-sigma` says otherwise
  func table(
    prediction: PredictionType, zeroTerminalSNR: Bool, steps: Int, usualShift: Double,
    usualTerminalSigma: Double
  ) -> SamplingTable {
    SamplingTable(
      prediction: prediction, schedule: NoiseSchedule(zeroTerminalSNR: zeroTerminalSNR),
      spacing: spacing, steps: steps, shift: shift ?? usualShift,
      terminalSigma: terminalSigma ?? usualTerminalSigma)
  }
}

/// How a sampler walks from noise to picture.
enum SamplerName: String, CaseIterable, ExpressibleByArgument, Sendable { case euler }

extension Spacing: ExpressibleByArgument {}
