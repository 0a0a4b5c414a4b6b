import Graph
import Model
import Testing

@testable import Train

/// Ten steps of training against PyTorch (`reference.py train`: AdamW, clipping at 1, batch 2).
@Suite struct TrainingReferenceTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var file: String
    var objective: Objective
    var seed: UInt64
    var testDescription: String { file }
  }

  static let cases = [
    Case(
      file: "train-tiny-flow",
      objective: Objective(prediction: .flow, schedule: NoiseSchedule(zeroTerminalSNR: false)),
      seed: 10),
    Case(
      file: "train-tiny-v-ztsnr",
      objective: Objective(prediction: .v, schedule: NoiseSchedule(zeroTerminalSNR: true)),
      seed: 20),
  ]

  @Test(arguments: cases)
  func tenStepsAreTorchs(_ training: Case) throws {
    let file = try Fixture.open(training.file)
    let backend = try SharedBackend.vulkan
    let shape = Tiny.shape(samples: 2)
    let denoiser = UNetRunner.denoiser(Tiny.configuration.unet)
    let graph = MicroStep.graph(shape, noise: .given, gradients: .replace, denoiser: denoiser)
    let parameters = Trainer.parameters(shape, denoiser)
    let store = try backend.makeStore(Tiny.variables(backend, Tiny.settings(), shape))
    try Tiny.weights.load(parameters, into: store)
    let micro = try store.load(backend.plan(graph))
    let update = try store.load(
      backend.plan(UpdateStep.graph(parameters, optimizer: OptimizerSettings(), maximumNorm: 1)))
    let losses = try file.doubles("losses")
    let norms = try file.doubles("grad_norms")
    for step in losses.indices {
      let inputs = Self.inputs(training, shape, seed: training.seed + UInt64(step))
      let loss = try #require(try micro.run(inputs)["loss"]?.floats.first)
      let norm = try #require(
        try update.run(["learning_rate": TensorData([1], [1e-4 as Float])])["gradient_norm"]?
          .floats.first)
      #expect(abs(Double(loss) - losses[step]) < 1e-4 * losses[step])
      #expect(abs(Double(norm) - norms[step]) < 1e-3 * norms[step])
    }
    try Self.checkParameters(parameters, store, file)
  }

  /// Final minus initial parameters, by the stored first 64 elements of each.
  private static func checkParameters(
    _ parameters: [Variable], _ store: any Store, _ file: Safetensors
  ) throws {
    // Their gradient is zero in exact arithmetic (a norm with one channel a group follows a bias),
    // so that AdamW moves them by rounding errors alone.
    var exempt = 0
    for parameter in parameters {
      let layout = Tiny.weights.layout(parameter.name)
      let initial = SyntheticTensors.weight(parameter.name, shape: layout.fileShape)
      let found = layout.toFile(try store.read(parameter.name).floats)
      let expected = try file.floats("head.\(parameter.name)")
      let movement = { (values: [Float]) in
        zip(values, initial).prefix(expected.count).map { Double($0) - Double($1) }
      }
      let error = relativeError(movement(found), movement(expected))
      if zeroGradients.contains(parameter.name) {
        exempt += 1
      } else {
        #expect(error < 1e-2, "\(parameter.name)")
      }
    }
    #expect(exempt == 17)
  }

  private static let zeroGradients: Set<String> = {
    // Tiny's first level has 32 channels: one a group. What feeds its norms through a bias alone:
    // the first convolution of a residual block and its time projection.
    let unet = "model.diffusion_model."
    let blocks = ["input_blocks.1.0", "input_blocks.2.0"] + (6...8).map { "output_blocks.\($0).0" }
    let biases = blocks.flatMap {
      ["\(unet)\($0).in_layers.2.bias", "\(unet)\($0).emb_layers.1.bias"]
    }
    let weights = blocks.map { "\(unet)\($0).emb_layers.1.weight" }
    return Set(
      biases + weights + [
        "\(unet)output_blocks.8.0.out_layers.3.bias",
        "\(unet)output_blocks.8.0.skip_connection.bias",
      ])
  }()

  /// `reference.py batch`: channels first, as in files; times on [0, 1) or whole timesteps.
  private static func inputs(
    _ training: Case, _ shape: BatchShape, seed: UInt64
  ) -> [String: TensorData] {
    let n = shape.samples
    let files = [n, shape.channels, shape.height, shape.width]
    let image = { (name: String) in
      TensorData(
        shape.latents,
        ChannelOrder.channelsLast(
          SyntheticTensors.inputs(name, shape: files, seed: seed), shape: files))
    }
    let fractions = SyntheticTensors.uniform("input.time", count: n, seed: seed).map {
      ($0 + 1) / 2
    }
    let draws = fractions.map { fraction in
      training.objective.draw(
        at: training.objective.prediction == .flow ? Double(fraction) : Double(Int(fraction * 1000))
      )
    }
    let (height, width) = (Float(8 * shape.height), Float(8 * shape.width))
    return [
      "latents": image("input.latents"), "noise": image("input.noise"),
      "context": TensorData(
        [n, 77, shape.contextWidth],
        SyntheticTensors.inputs("input.context", shape: [n, 77, shape.contextWidth], seed: seed)),
      "pooled": TensorData(
        [n, shape.pooledWidth],
        SyntheticTensors.inputs("input.pooled", shape: [n, shape.pooledWidth], seed: seed)),
      "time_ids": TensorData(
        [n, 6], (0..<n).flatMap { _ -> [Float] in [height, width, 0, 0, height, width] }),
      "time": TensorData([n], draws.map(\.networkTime)),
      "noisy.coefficients": TensorData([n, 2], draws.flatMap { [$0.noisy.0, $0.noisy.1] }),
      "target.coefficients": TensorData([n, 2], draws.flatMap { [$0.target.0, $0.target.1] }),
      "weight": TensorData([n], [Float](repeating: 1 / Float(n), count: n)),
    ]
  }
}
