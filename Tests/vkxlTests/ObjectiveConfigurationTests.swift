import Testing
import Train

@testable import vkxl

/// Keys of `objective`: what reaches the trainer, what is refused and what is warned of.
@Suite struct ObjectiveConfigurationTests {
  struct Refusal: Sendable, CustomTestStringConvertible {
    var objective: String
    var lines: String
    var place: String
    var expected: String
    var testDescription: String { lines }
  }

  static let refusals = [
    Refusal(
      objective: "flow", lines: "timestep_sampling: karras", place: "timestep_sampling",
      expected: "`logit_normal` or `uniform` with `objective.type: flow`"),
    Refusal(
      objective: "epsilon", lines: "uniform_fraction: 0.5", place: "uniform_fraction",
      expected: "this key only with `objective.timestep_sampling: karras`"),
    Refusal(
      objective: "v", lines: "sigma_max: 10", place: "sigma_max",
      expected: "this key only with `objective.timestep_sampling: karras`"),
    Refusal(
      objective: "v", lines: "sigma_max_scaling: dynamic", place: "sigma_max_scaling",
      expected: "this key only with `objective.timestep_sampling: karras`"),
    Refusal(
      objective: "v", lines: "timestep_sampling: karras\nsigma_max: 20", place: "sigma_max",
      expected: "above 0.0292 and at most 14.6146, where the schedule ends"),
    Refusal(
      objective: "v",
      lines: "zero_terminal_snr: true\ntimestep_sampling: karras\nsigma_max: 20000",
      place: "sigma_max",
      expected: "above 0.0292 and at most 2254.238, where the schedule ends"),
    Refusal(
      objective: "v", lines: "timestep_sampling: karras\nsigma_max: .inf", place: "sigma_max",
      expected: "a number above 0"),
    Refusal(
      objective: "flow", lines: "loss_weight: min_snr", place: "loss_weight",
      expected: "`none` with `objective.type: flow`"),
    Refusal(
      objective: "v", lines: "loss_weight: debiased", place: "loss_weight",
      expected: "`none` or `min_snr` with `objective.type: v`"),
    Refusal(
      objective: "v", lines: "min_snr_gamma: 3", place: "min_snr_gamma",
      expected: "this key only with `objective.loss_weight: min_snr`"),
    Refusal(
      objective: "epsilon", lines: "loss_weight: min_snr\nmin_snr_form: safe",
      place: "min_snr_form", expected: "this key only with `objective.type: v`"),
    Refusal(
      objective: "flow", lines: "multires_noise_levels: 3", place: "multires_noise_levels",
      expected: "this key only with `objective.multires_noise_discount` above 0"),
    Refusal(
      objective: "flow", lines: "multires_noise_discount: 1", place: "multires_noise_discount",
      expected: "a number from 0 to below 1"),
    Refusal(
      objective: "flow", lines: "noise_pairing: transport", place: "noise_pairing",
      expected: "`random` with `training.batch_size: 1`"),
    Refusal(
      objective: "epsilon", lines: "from: epsilon", place: "from",
      expected: "another prediction than `objective.type`"),
    Refusal(
      objective: "flow", lines: "from: v", place: "from", expected: "`epsilon`"),
    Refusal(
      objective: "flow", lines: "from: epsilon\ntransition_steps: 100", place: "transition_steps",
      expected: "below `training.max_steps` (100)"),
    Refusal(
      objective: "v", lines: "transition_steps: 10", place: "transition_steps",
      expected: "this key only with `objective.from`"),
  ]

  @Test(arguments: refusals) func badCombination(_ refusal: Refusal) {
    let errors = configurationErrors(
      minimalYAML(["objective": refusal.lines], objective: refusal.objective))
    #expect(errors.count == 1, "\(errors)")
    #expect(errors.first?.expected == refusal.expected)
    #expect(errors.first?.place.hasSuffix(": objective.\(refusal.place)") == true, "\(errors)")
    #expect(errors.first?.hint.isEmpty == false)
  }

  private func parsed(_ lines: String, objective: String = "v") throws -> Configuration {
    try Configuration.parse(
      minimalYAML(["objective": lines, "training": "batch_size: 2"], objective: objective),
      file: "/runs/run.yaml")
  }

  @Test func keysReachTheTrainer() throws {
    let settings = try parsed(
      "zero_terminal_snr: true\ntimestep_sampling: karras\nuniform_fraction: 0.25\nsigma_max: 20\n"
        + "sigma_max_scaling: dynamic\nloss_weight: min_snr\nmin_snr_gamma: 3\noffset_noise: 0.1\n"
        + "multires_noise_discount: 0.3\nmultires_noise_levels: 4\ninput_perturbation: 0.2\n"
        + "noise_pairing: transport\nfrom: epsilon\ntransition_steps: 40"
    ).trainerSettings(steps: 100)
    #expect(
      settings.objective.sigmas
        == SigmaDistribution(maximum: 20, isDynamic: true, uniformFraction: 0.25))
    #expect(settings.objective.weighting == .safeMinSNR(gamma: 3))
    #expect(settings.objective.easing == Easing(steps: 40))
    #expect(
      settings.noise == NoiseOptions(offset: 0.1, discount: 0.3, levels: 4, perturbation: 0.2))
    #expect(settings.pairsByTransport)
  }

  @Test func defaultsAreTheUsualOnes() throws {
    let settings = try parsed("").trainerSettings(steps: 100)
    #expect(settings.objective.sigmas == nil && settings.objective.easing == nil)
    #expect(settings.objective.weighting == .none)
    #expect(settings.noise == NoiseOptions() && !settings.pairsByTransport)
    let plain = try parsed("loss_weight: min_snr").trainingObjective
    #expect(plain.weighting == .minSNR(gamma: 5))
  }

  @Test(arguments: [
    (
      "zero_terminal_snr: true\nloss_weight: min_snr\nmin_snr_form: paper",
      ["objective.min_snr_form"]
    ),
    ("zero_terminal_snr: true\nloss_weight: min_snr", []),
    ("zero_terminal_snr: true\ntimestep_sampling: karras", ["objective.timestep_sampling"]),
    (
      "zero_terminal_snr: true\ntimestep_sampling: karras\nuniform_fraction: 0.1\nsigma_max: 2000",
      ["objective.sigma_max"]
    ),
    ("timestep_sampling: karras", []),
    ("timestep_sampling: karras\nsigma_max: 2", ["objective.sigma_max"]),
    ("timestep_sampling: karras\nsigma_max: 2\nuniform_fraction: 0.1", []),
  ]) func warnings(_ lines: String, _ keys: [String]) throws {
    let warnings = try parsed(lines).warnings
    #expect(warnings.map { String($0.prefix { $0 != ":" }) } == keys, "\(warnings)")
  }

  /// A ramp that grows with the resolution ends where the schedule does, and far below it where pictures
  /// are small: that is told.
  @Test func dynamicSigmaMaxBeyondTheSchedule() throws {
    var plain = try parsed("timestep_sampling: karras\nsigma_max_scaling: dynamic")
    #expect(plain.warnings.isEmpty)
    plain.data.resolution = 2048
    #expect(plain.warnings.map { $0.prefix(27) } == ["objective.sigma_max_scaling"])
    plain.data.resolution = 512
    #expect(plain.warnings.count == 1 && plain.warnings[0].contains("above sigma 7.3073"))
    plain.data.resolution = 2048
    plain.objective.zeroTerminalSNR = true
    #expect(!plain.warnings.contains { $0.hasPrefix("objective.sigma_max_scaling") })
  }
}
