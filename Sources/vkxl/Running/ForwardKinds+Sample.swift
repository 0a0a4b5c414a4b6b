import Graph
import Model
import Train

extension ForwardSample {
  func compute() throws {
    let (parts, inputs, given) = try options.openUNet(latents: "noise")
    let process = SamplingProcess(
      prediction: prediction, table: try samplingTable(inputs), method: sampling.sampler,
      eta: sampling.eta)
    let stepNoise = try stepNoise(inputs, given.shape, steps: process.table.timesteps.count)
    let runner = try options.runner(parts, given)
    let latents = try process.sample(noise: given.latents, stepNoise: stepNoise) { input, time in
      try given.predict(
        runner, latents: input, time: [Float](repeating: time, count: given.shape.samples))
    }
    let (timesteps, sigmas) = (process.table.timesteps, process.table.sigmas)
    try options.write([
      channelsFirst("latents", latents, given.shape.latents),
      ("timesteps", [timesteps.count], timesteps.map { Float($0) }),
      ("sigmas", [sigmas.count], sigmas.map { Float($0) }),
    ])
  }

  /// The inputs' `step_noise` [steps, N, 4, H, W], or counter-based noise of seed 0.
  private func stepNoise(
    _ inputs: ForwardInputs, _ shape: BatchShape, steps: Int
  ) throws -> (Int) -> [Float] {
    guard inputs.file["step_noise"] != nil else {
      return { SamplingProcess.stepNoise(seed: 0, step: $0, shape) }
    }
    let first = [shape.samples, shape.channels, shape.height, shape.width]
    let values = try inputs.floats("step_noise", [steps] + first)
    let count = first.reduce(1, *)
    return { step in
      ChannelOrder.channelsLast(Array(values[step * count..<(step + 1) * count]), shape: first)
    }
  }

  /// Computed as diffusers does, with its 4096 for infinity if no other is asked for; or read from
  /// the inputs.
  private func samplingTable(_ inputs: ForwardInputs) throws -> SamplingTable {
    let schedule = NoiseSchedule(zeroTerminalSNR: sampling.ztsnr)
    let settings = sampling.tableSettings(steps: steps, usualShift: 1, usualTerminalSigma: 4096)
    let computed = SamplingTable(prediction: prediction, schedule: schedule, settings)
    if table == .computed { return computed }
    let timesteps = try inputs.file.doubles("timesteps")
    if sampling.sampler == .ddim, inputs.file["sigmas"] == nil, !timesteps.isEmpty {
      let given = SamplingTable.implicit(
        timesteps: timesteps, schedule: schedule, terminalSigma: settings.terminalSigma)
      try checkLevels(given, inputs)
      return given
    }
    let sigmas = try inputs.file.doubles("sigmas")
    guard !timesteps.isEmpty, sigmas.count == timesteps.count + 1 else {
      throw InputError(
        "\(inputs.file.path): sigmas", expected: "one more than the \(timesteps.count) timesteps",
        found: "\(sigmas.count)")
    }
    var given = SamplingTable(timesteps: timesteps, sigmas: sigmas, initialScale: 1)
    if sampling.sampler == .heun { given = given.withoutRepetitions }
    try checkLevels(given, inputs)
    // Where the computed table starts below pure noise, so does the given one.
    if computed.initialScale < 1 { given.initialScale = given.levels(prediction)[0].noise }
    return given
  }

  private func checkLevels(_ table: SamplingTable, _ inputs: ForwardInputs) throws {
    let highest: Double =
      switch prediction {
      case .flow: 1
      case .v: .infinity
      case .epsilon: .greatestFiniteMagnitude
      }
    let isFalling = zip(table.sigmas, table.sigmas.dropFirst()).allSatisfy { $0 > $1 }
    guard isFalling, let first = table.sigmas.first, let last = table.sigmas.last, first <= highest,
      last >= 0
    else {
      throw InputError(
        "\(inputs.file.path): sigmas",
        expected: "falling numbers from at most \(prediction == .flow ? "1" : "a finite one") "
          + "to at least 0", found: "\(table.sigmas.prefix(4))...")
    }
  }
}
