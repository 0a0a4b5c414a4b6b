import Train

extension ConfigurationKey<Configuration> {
  /// Keys of `objective`.
  static let objectiveKeys: [Self] = predictionKeys + timeKeys + lossKeys + noiseKeys

  private static let predictionKeys: [Self] = [
    .choice(
      "objective.type", \.objective.type, default: .flow, required: true,
      knownAs: ["prediction_type", "prediction", "v_parameterization", "parameterization"],
      "Prediction: `flow` (rectified flow, velocity), `v` or `epsilon` (SDXL base itself)."),
    Self(
      "objective.zero_terminal_snr", \.objective.zeroTerminalSNR, .boolean, default: false,
      knownAs: [
        "rescale_betas_zero_snr", "rescale_noise_scheduler_to_zero_terminal_snr",
        "ztsnr",
      ],
      "Rescale the noise schedule to end in pure noise (Lin et al. 2305.08891); for `v` only."),
    Self(
      "objective.from", \.objective.from, .choice(ObjectiveOrigin.allCases.map(\.rawValue)),
      default: nil, defaultText: "none: the checkpoint predicts `objective.type`",
      knownAs: ["from_prediction", "source_prediction", "diff2flow"],
      "What the checkpoint predicts, if not `objective.type`: from SDXL's own epsilon, input, timestep "
        + "and target go over evenly in `objective.transition_steps`, where nothing is to be learnt at "
        + "the start (matched as in Diff2Flow, 2506.02221)."),
    Self(
      "objective.transition_steps", \.objective.transitionSteps, .integer(1...1_000_000_000),
      unit: "steps", default: 1000,
      "Steps in which a model that predicts epsilon becomes one of `objective.type`; only with "
        + "`objective.from`."),
  ]

  private static let timeKeys: [Self] = [
    Self(
      "objective.timestep_sampling", \.objective.timestepSampling,
      .choice(TimestepSampling.allCases.map(\.rawValue)), default: nil,
      defaultText: "`logit_normal` for flow, `uniform` for v and epsilon",
      knownAs: ["weighting_scheme", "timestep_distribution", "timestep_bias_strategy"],
      "How the time of a sample is drawn; `logit_normal` is for flow, `karras` (even on Karras' ramp of "
        + "sigmas) for v and epsilon."),
    Self(
      "objective.logit_mean", \.objective.logitMean, .number(.any), default: 0,
      "m of t = sigmoid(m + s z); above 0 means more noise. Flow only."),
    Self(
      "objective.logit_std", \.objective.logitStd, .number(.positive), default: 1,
      "s of t = sigmoid(m + s z). Flow only."),
    Self(
      "objective.uniform_fraction", \.objective.uniformFraction, .number(.zeroToOne), default: 0,
      "Share of times drawn uniformly instead, so that almost pure noise is trained too. With "
        + "`logit_normal` and `karras`."),
    Self(
      "objective.shift", \.objective.shift, .numberOrWord(.positive, ["resolution"]),
      default: .fixed(1), knownAs: ["flow_shift", "discrete_flow_shift", "flow_schedule_shift"],
      "a of t' = a t / (1 + (a - 1) t); `resolution`: sqrt(pixels / 1024^2) times "
        + "`objective.shift_at_1024`, by bucket. Flow only."),
    Self(
      "objective.shift_at_1024", \.objective.shiftAt1024, .number(.positive), default: 3,
      "Shift of a picture of 1024 x 1024 pixels; only with `objective.shift: resolution`."),
    Self(
      "objective.sigma_max", \.objective.sigmaMax, .number(.positive), default: nil,
      defaultText: "14.6146, the end of SDXL's schedule", knownAs: ["sigma_maximum"],
      "Largest noise level of the ramp, finite; only with `objective.timestep_sampling: karras`."),
    .choice(
      "objective.sigma_max_scaling", \.objective.sigmaMaxScaling, default: .fixed,
      knownAs: ["sigma_scaling", "dynamic_sigma", "sigma_spacing"],
      "`dynamic`: `objective.sigma_max` times sqrt(pixels / 1024^2), by bucket, as far as the schedule "
        + "goes (NovelAI V3, 2409.15997); only with `objective.timestep_sampling: karras`."),
  ]

  private static let lossKeys: [Self] = [
    .choice(
      "objective.loss", \.objective.loss, default: .mse, knownAs: ["loss_type"],
      "Distance of prediction and target."),
    Self(
      "objective.huber_delta", \.objective.huberDelta, .number(.positive), default: 1,
      knownAs: ["huber_c"],
      "Difference at which the Huber loss turns from square to linear; only with `huber`."),
    .choice(
      "objective.loss_weight", \.objective.lossWeight, default: .none,
      knownAs: ["loss_weighting", "loss_weight_fn", "debiased_estimation_loss", "snr_weighting"],
      "What a sample's loss counts by its noise: `min_snr` (v, epsilon) or `debiased`, 1 / sqrt(SNR) "
        + "(epsilon)."),
    Self(
      "objective.min_snr_gamma", \.objective.minSNRGamma, .number(.positive), default: 5,
      knownAs: ["snr_gamma"], "g of min-SNR; only with `objective.loss_weight: min_snr`."),
    Self(
      "objective.min_snr_form", \.objective.minSNRForm,
      .choice(MinSNRForm.allCases.map(\.rawValue)), default: nil,
      defaultText: "`safe` with zero terminal SNR, else `paper`",
      "`paper`: min(SNR, g) / (SNR + 1), which is 0 at zero SNR; `safe`: min(SNR + 1, g) / (SNR + 1), "
        + "which is 1 there. For v; epsilon has min(SNR, g) / SNR."),
  ]

  private static let noiseKeys: [Self] = [
    Self(
      "objective.offset_noise", \.objective.offsetNoise, .number(.nonNegative), default: 0,
      knownAs: ["noise_offset", "offset_noise_weight"],
      "Standard deviation of noise added to each whole channel; 0 adds none, 0.05 is usual."),
    Self(
      "objective.multires_noise_discount", \.objective.multiresDiscount,
      .number(.zeroToBelowOne), default: 0, knownAs: ["multires_noise", "pyramid_noise_discount"],
      "Factor of each coarser level of noise beside the one before; 0 adds none, 0.3 is usual."),
    Self(
      "objective.multires_noise_levels", \.objective.multiresLevels, .integer(1...12),
      unit: "levels", default: 6, knownAs: ["multires_noise_iterations"],
      "Coarser levels, each of half the size, as far as the picture allows; only with "
        + "`objective.multires_noise_discount`."),
    Self(
      "objective.input_perturbation", \.objective.inputPerturbation, .number(.nonNegative),
      default: 0, knownAs: ["ip_noise_gamma", "input_perturbation_noise"],
      "Standard deviation of noise that the input has beyond the target's; 0 adds none, 0.1 is usual "
        + "(Ning et al. 2301.11706)."),
    .choice(
      "objective.noise_pairing", \.objective.noisePairing, default: .random,
      knownAs: ["optimal_transport", "minibatch_ot", "use_ot"],
      "`transport`: the noise of a micro-step goes to the images where the sum of squared distances is "
        + "least (minibatch optimal transport, 2302.00482)."),
  ]
}
