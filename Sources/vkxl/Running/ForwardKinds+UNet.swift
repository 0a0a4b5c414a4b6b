import Graph
import Model
import Shaders
import Train

extension ForwardOptions {
  /// The model, the input file, and what the UNet is given there.
  func openUNet(
    latents: String
  ) throws -> (parts: ModelParts, inputs: ForwardInputs, given: ForwardConditioning) {
    let parts = try openModel([.unet])
    let inputs = try ForwardInputs(self.inputs)
    let given = try ForwardConditioning(
      inputs, latents: latents, parts.checkpoint.configuration.unet)
    return (parts, inputs, given)
  }

  func runner(
    _ parts: ModelParts, _ given: ForwardConditioning
  ) throws -> UNetRunner {
    let (backend, storage) = try openForUNet()
    return try UNetRunner(
      backend, parts.checkpoint.configuration.unet.stored(storage), weights: parts.weights,
      shape: given.shape)
  }
}

extension ForwardConditioning {
  func predict(
    _ runner: UNetRunner, latents: [Float], time: [Float]
  ) throws -> [Float] {
    try runner.predict(
      shape, latents: latents, time: time, context: context, pooled: pooled, timeIDs: timeIDs)
  }
}

extension ForwardUNet {
  func compute() throws {
    let (parts, inputs, given) = try options.openUNet(latents: "sample")
    let time = try inputs.floats("timestep", [given.shape.samples])
    let runner = try options.runner(parts, given)
    let prediction = try given.predict(runner, latents: given.latents, time: time)
    try options.write([channelsFirst("prediction", prediction, given.shape.latents)])
  }
}

/// Objectives, noise and times of `vkxl forward loss` and `step`.
struct ForwardObjective {
  let prediction: PredictionType
  let zeroTerminalSNR: Bool

  /// The inputs of a micro-step with given noise, for one loss of the mean over the samples.
  func values(
    _ inputs: ForwardInputs, _ given: ForwardConditioning, _ unet: UNetConfiguration
  ) throws -> [String: TensorData] {
    let n = given.shape.samples
    let noise = try inputs.channelsLast(
      "noise", channels: unet.inputChannels, multiple: unet.latentMultiple)
    guard noise.shape == given.shape.latents else {
      throw InputError(
        "\(inputs.file.path): noise", expected: "the shape of latents",
        found: "\(try inputs.file.entry("noise").shape)")
    }
    let draws = try draws(inputs, samples: n)
    var values = given.inputs(time: draws.map(\.networkTime))
    values["latents"] = TensorData(given.shape.latents, given.latents)
    values["noise"] = TensorData(noise.shape, noise.values)
    values["noisy.coefficients"] = TensorData(
      [n, 2], draws.flatMap { [$0.noisy.0, $0.noisy.1] })
    values["target.coefficients"] = TensorData(
      [n, 2], draws.flatMap { [$0.target.0, $0.target.1] })
    values["weight"] = TensorData([n], [Float](repeating: 1 / Float(n), count: n))
    return values
  }

  var objective: Objective {
    Objective(
      prediction: prediction, schedule: NoiseSchedule(zeroTerminalSNR: zeroTerminalSNR))
  }

  private func draws(_ inputs: ForwardInputs, samples: Int) throws -> [Objective.Draw] {
    let entry = try inputs.file.entry("time")
    let times = try inputs.file.doubles("time")
    let range = prediction == .flow ? 0.0...1.0 : 0.0...999.0
    guard entry.shape == [samples], times.allSatisfy(range.contains) else {
      throw InputError(
        "\(inputs.file.path): time",
        expected: "\(samples) numbers from \(range.lowerBound) to \(range.upperBound)",
        found: "shape \(entry.shape), values \(times.prefix(8))")
    }
    return times.map(objective.draw)
  }
}

extension ForwardLoss {
  func compute() throws {
    let (parts, inputs, given) = try options.openUNet(latents: "latents")
    let unet = parts.checkpoint.configuration.unet
    let values = try ForwardObjective(prediction: objective, zeroTerminalSNR: ztsnr)
      .values(inputs, given, unet)
    let (backend, storage) = try options.openForUNet()
    let graph = MicroStep.graph(
      given.shape, noise: .given,
      gradients: gradients ? .output : gradientNorms ? .norms : .none,
      scalesLoss: storage.scalesLoss,
      denoiser: UNetRunner.denoiser(unet, storage: storage))
    let store = try backend.makeStore(graph.variables)
    try parts.weights.load(graph.variables, into: store)
    let results = try store.load(backend.plan(graph, within: nil).plan).run(values)
    try options.write(lossTensors(results, given.shape, parts.weights))
  }
}

extension ForwardStep {
  func compute() throws {
    let optimizerSettings = optimizer.usualSettings
    let rule = optimizerSettings.rule
    guard rule.isSeparable else {
      throw InputError(
        "--optimizer", expected: "one that updates each parameter by its own gradient alone",
        found: optimizer.rawValue)
    }
    let (parts, inputs, given) = try options.openUNet(latents: "latents")
    let unet = parts.checkpoint.configuration.unet
    let description = ForwardObjective(prediction: objective, zeroTerminalSNR: ztsnr)
    var values = try description.values(inputs, given, unet)
    let (backend, storage) = try options.openForUNet()
    guard !storage.scalesLoss else {
      throw InputError(
        "--precision", expected: "f32, or bf16 on a device that multiplies it as it is",
        found: options.precision.rawValue,
        hint: "f16 has to know all gradients before the first update")
    }
    let settings = TrainerSettings(
      objective: description.objective, optimizer: optimizerSettings,
      schedule: LearningRateSchedule(shape: .constant, rate: 1e-5, warmupSteps: 0, steps: 1),
      maximumNorm: nil, seed: 0, storage: storage)
    let denoiser = UNetRunner.denoiser(unet, storage: storage)
    let planner = try StepPlanner(
      backend, settings: settings, gradients: .lastNorm, budgetByteCount: nil,
      shapes: [given.shape], accumulation: 1, denoiser: denoiser)
    let graph = MicroStep.graph(
      given.shape, .updateByLastNorm, settings: settings, noise: .given, reportsNorms: true,
      denoiser: denoiser)
    let store = try backend.makeStore(planner.variables)
    try parts.weights.load(planner.parameters, into: store)
    values["learning_rate"] = TensorData([1], [Float(settings.schedule.rate(at: 0))])
    let plan = try backend.plan(graph, within: nil).plan
    let program = try store.load(plan)
    let results = try program.run(values)
    let step = try store.read(StateName.step).floats
    // What the device counts, where it does.
    let allocated =
      (backend as? VulkanBackend).map { Int($0.device.memoryStatistics.peakByteCount) }
      ?? store.allocatedByteCount
    let told: [NamedTensor] = [
      ("bytes", [1], [Float(allocated)]),
      ("planned_bytes", [1], [Float(try planner.memory(of: plan).total)]), ("step", [1], step),
    ]
    try options.write(told + lossTensors(results, given.shape, parts.weights))
  }
}

/// The outputs of a micro-step in the layouts of files.
private func lossTensors(
  _ results: [String: TensorData], _ shape: BatchShape, _ weights: ParameterReader
) -> [NamedTensor] {
  results.sorted { $0.key < $1.key }.compactMap { name, data in
    switch name {
    case "prediction", "noisy", "target": channelsFirst(name, data.floats, shape.latents)
    case "loss", "gradient_norm": (name, [1], data.floats)
    case _ where name.hasPrefix("norm."): (name, [1], data.floats)
    case _ where name.hasPrefix("grad."):
      {
        let layout = weights.layout(String(name.dropFirst("grad.".count)))
        return (name, layout.fileShape, layout.toFile(data.floats))
      }()
    default: nil
    }
  }
}
