import Graph
import Model
import Train

extension Configuration {
  /// Mistakes between the keys of `objective`.
  func objectiveContradictions() -> [InputError] {
    predictionContradictions() + timeContradictions() + rampContradictions() + lossContradictions()
      + noiseContradictions()
  }

  private func predictionContradictions() -> [InputError] {
    var errors: [InputError] = []
    if objective.zeroTerminalSNR, objective.type != .v {
      let reason =
        objective.type == .epsilon
        ? "at zero SNR the input is the noise itself, so epsilon has nothing to learn there"
        : "flow already ends in pure noise and has no schedule to rescale"
      errors.append(
        error(
          "objective.zero_terminal_snr",
          expected: "false with `objective.type: \(objective.type.rawValue)`", found: "true",
          hint: reason + "; use `objective.type: v`, or leave it out"))
    }
    guard objective.from != nil else {
      return isChanged("objective.transition_steps")
        ? errors + [unused("objective.transition_steps", needs: "`objective.from`")] : errors
    }
    if objective.type == .epsilon {
      errors.append(
        error(
          "objective.from", expected: "another prediction than `objective.type`", found: "epsilon",
          hint: "leave it out: nothing is to be moved"))
    } else if let steps = training.maxSteps, objective.transitionSteps >= steps {
      errors.append(
        error(
          "objective.transition_steps", expected: "below `training.max_steps` (\(steps))",
          found: "\(objective.transitionSteps)",
          hint: "the model would end on its way, and no other program could draw with it"))
    }
    return errors
  }

  private func timeContradictions() -> [InputError] {
    var errors: [InputError] = []
    let isFlow = objective.type == .flow
    let sampling = objective.resolvedTimestepSampling
    if sampling == .logitNormal && !isFlow || sampling == .karras && isFlow {
      errors.append(
        error(
          "objective.timestep_sampling",
          expected: isFlow
            ? "`logit_normal` or `uniform` with `objective.type: flow`"
            : "`uniform` or `karras` with `objective.type: \(objective.type.rawValue)`",
          found: "`\(sampling.rawValue)`",
          hint: isFlow
            ? "flow has no sigmas: `objective.shift` moves its times"
            : "logit-normal times are for flow"))
    }
    if !isFlow {
      for name in ["logit_mean", "logit_std", "shift", "shift_at_1024"]
      where isChanged("objective.\(name)") {
        errors.append(unused("objective.\(name)", needs: "`objective.type: flow`"))
      }
    } else {
      for name in ["logit_mean", "logit_std"]
      where sampling == .uniform && isChanged("objective.\(name)") {
        errors.append(
          unused("objective.\(name)", needs: "`objective.timestep_sampling: logit_normal`"))
      }
      if objective.shift != .resolution, isChanged("objective.shift_at_1024") {
        errors.append(unused("objective.shift_at_1024", needs: "`objective.shift: resolution`"))
      }
    }
    if sampling == .uniform, isChanged("objective.uniform_fraction") {
      let needed = isFlow ? "logit_normal" : "karras"
      errors.append(
        unused(
          "objective.uniform_fraction", needs: "`objective.timestep_sampling: \(needed)`"))
    }
    return errors
  }

  private func rampContradictions() -> [InputError] {
    guard objective.resolvedTimestepSampling == .karras else {
      return ["sigma_max", "sigma_max_scaling"].filter { isChanged("objective.\($0)") }.map {
        unused("objective.\($0)", needs: "`objective.timestep_sampling: karras`")
      }
    }
    let schedule = NoiseSchedule(zeroTerminalSNR: objective.zeroTerminalSNR)
    let (least, largest) = (schedule.sigmas[0], schedule.largestFiniteSigma)
    guard let sigma = objective.sigmaMax, sigma <= least || sigma > largest + 1e-3 else {
      return []
    }
    return [
      error(
        "objective.sigma_max",
        expected:
          "above \(rounded(least)) and at most \(rounded(largest)), where the schedule ends",
        found: ConfigurationText.number(sigma),
        hint: objective.zeroTerminalSNR
          ? "pure noise itself is trained through `objective.uniform_fraction`"
          : "more noise needs `objective.zero_terminal_snr`")
    ]
  }

  private func rounded(_ sigma: Double) -> String {
    ConfigurationText.number((sigma * 1e4).rounded() / 1e4)
  }

  private func lossContradictions() -> [InputError] {
    var errors: [InputError] = []
    if objective.loss != .huber, isChanged("objective.huber_delta") {
      errors.append(unused("objective.huber_delta", needs: "`objective.loss: huber`"))
    }
    if objective.lossWeight != .none, objective.type == .flow {
      errors.append(
        error(
          "objective.loss_weight", expected: "`none` with `objective.type: flow`",
          found: "`\(objective.lossWeight.rawValue)`",
          hint: "flow weighs noise levels by how often it draws them: `objective.logit_mean`, "
            + "`objective.shift`"))
    } else if objective.lossWeight == .debiased, objective.type == .v {
      errors.append(
        error(
          "objective.loss_weight", expected: "`none` or `min_snr` with `objective.type: v`",
          found: "`debiased`", hint: "1 / sqrt(SNR) is for epsilon, and without end at zero SNR"))
    }
    let usesMinSNR = objective.lossWeight == .minSNR
    for name in ["min_snr_gamma", "min_snr_form"]
    where !usesMinSNR && isChanged("objective.\(name)") {
      errors.append(unused("objective.\(name)", needs: "`objective.loss_weight: min_snr`"))
    }
    if usesMinSNR, objective.type == .epsilon, objective.minSNRForm == .safe {
      errors.append(unused("objective.min_snr_form", needs: "`objective.type: v`"))
    }
    return errors
  }

  private func noiseContradictions() -> [InputError] {
    var errors: [InputError] = []
    if objective.multiresDiscount == 0, isChanged("objective.multires_noise_levels") {
      errors.append(
        unused(
          "objective.multires_noise_levels", needs: "`objective.multires_noise_discount` above 0"))
    }
    if objective.noisePairing == .transport, training.batchSize == 1 {
      errors.append(
        error(
          "objective.noise_pairing", expected: "`random` with `training.batch_size: 1`",
          found: "`transport`",
          hint: "noise is paired within a micro-step: it needs a batch of two or more"))
    }
    return errors
  }
}

extension Configuration {
  /// What is allowed but seldom meant.
  var warnings: [String] {
    var warnings: [String] = []
    if objective.zeroTerminalSNR, objective.lossWeight == .minSNR, objective.minSNRForm == .paper {
      warnings.append(
        "objective.min_snr_form: paper counts the last timestep of zero terminal SNR 0, so that pure "
          + "noise is never trained; `safe` counts it 1")
    }
    guard let sigmas = sigmaDistribution else { return warnings }
    if objective.zeroTerminalSNR, sigmas.uniformFraction == 0 {
      warnings.append(
        "objective.timestep_sampling: karras never draws pure noise, where sampling with zero terminal "
          + "SNR begins; set objective.uniform_fraction, as in 0.1")
    }
    let usual = NoiseSchedule.plain.largestFiniteSigma
    let pixels = data.resolution * data.resolution
    let limit = NoiseSchedule(zeroTerminalSNR: objective.zeroTerminalSNR).largestFiniteSigma
    if sigmas.isDynamic, sigmas.maximum(pixels: pixels, limit: .infinity) > limit + 1e-3 {
      warnings.append(
        "objective.sigma_max_scaling: dynamic asks for more noise at \(data.resolution) pixels than "
          + "sigma \(rounded(limit)), where the schedule ends"
          + (objective.zeroTerminalSNR ? "" : "; objective.zero_terminal_snr reaches further"))
    }
    let end = sigmas.maximum(pixels: pixels, limit: limit)
    if !objective.zeroTerminalSNR, sigmas.uniformFraction == 0, end < 0.9 * usual {
      let key = sigmas.isDynamic ? "sigma_max_scaling: dynamic" : "sigma_max"
      warnings.append(
        "objective.\(key): at \(data.resolution) pixels nothing is trained above sigma \(rounded(end)), "
          + "and sampling begins at \(rounded(usual)); set objective.uniform_fraction, as in 0.1, or "
          + "sample with --spacing karras --sigma-max \(rounded(end))")
    }
    let ramp = sigmas.share(above: usual, pixels: pixels, limit: limit)
    let share = Int((100 * (1 - sigmas.uniformFraction) * ramp).rounded())
    if share >= 10 {
      warnings.append(
        "objective.sigma_max: \(share) % of the samples have sigma above 14.6, where pictures are "
          + "hardly decided")
    }
    return warnings
  }
}
