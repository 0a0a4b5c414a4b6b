import Graph
import Model
import Testing

@testable import Train

/// Training in 16 bits: gradients as in f32, overflows skipped, unfit parameters named.
@Suite struct PrecisionTests {
  static let shape = Tiny.shape(samples: 2)

  /// The loss and every gradient of one batch, each true whatever it was computed times.
  private func gradients(_ storage: UNetStorage) throws -> [String: TensorData] {
    let backend = try SharedBackend.vulkan
    let graph = MicroStep.graph(
      Self.shape, noise: .given, gradients: .output, scalesLoss: storage.scalesLoss,
      denoiser: UNetRunner.denoiser(Tiny.configuration.unet, storage: storage))
    let store = try backend.makeStore(graph.variables)
    try Tiny.weights.load(graph.variables, into: store)
    let batch = Tiny.batch(Self.shape, seed: 3)
    let noise = SyntheticTensors.inputs("noise", shape: Self.shape.latents, seed: 4)
    let width = [2, Self.shape.tokens, Self.shape.contextWidth]
    return try store.load(backend.plan(graph)).run([
      "latents": TensorData(Self.shape.latents, batch.latents),
      "noise": TensorData(Self.shape.latents, noise),
      "noisy.coefficients": TensorData([2, 2], [0.3, 0.7, 0.8, 0.2] as [Float]),
      "target.coefficients": TensorData([2, 2], [-1, 1, -1, 1] as [Float]),
      "time": TensorData([2], [700, 200] as [Float]),
      "weight": TensorData([2], [0.5, 0.5] as [Float]),
      "context": TensorData(width, batch.context),
      "pooled": TensorData([2, Self.shape.pooledWidth], batch.pooled),
      "time_ids": TensorData([2, 6], batch.timeIDs),
    ])
  }

  /// The loss and the global norm within 2 % of f32's, the norm of each tensor within 6 %.
  @Test(arguments: [
    UNetStorage(.f16), UNetStorage(.bf16), UNetStorage(weights: .f32, activations: .bf16),
  ])
  func gradientsAreThoseOfSinglePrecision(_ storage: UNetStorage) throws {
    let (found, expected) = (try gradients(storage), try gradients(.f32))
    #expect(found.keys == expected.keys)
    func norm(_ data: TensorData) -> Double {
      data.floats.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    }
    func norms(_ all: [String: TensorData]) -> [String: Double] {
      all.filter { $0.key.hasPrefix("grad.") }.mapValues(norm)
    }
    func global(_ norms: [String: Double]) -> Double {
      norms.values.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }
    let (a, b) = (norms(found), norms(expected))
    #expect(abs(global(a) / global(b) - 1) < 0.02)
    let losses = [found, expected].compactMap { $0["loss"]?.floats[0] }
    #expect(abs(losses[0] / losses[1] - 1) < 0.02)
    // The others are zero in exact arithmetic: biases that the norm behind them removes.
    let compared = b.filter { $0.value >= 1e-4 * global(b) }
    #expect(compared.count >= b.count - 20, "\(b.count - compared.count) of \(b.count) are zero")
    for (name, norm) in compared {
      #expect(abs((a[name] ?? 0) / norm - 1) < 0.06, "\(name): \(a[name] ?? 0), \(norm)")
    }
  }

  /// Every loss of 16 bits within 2 % of f32's, which are the first, and not equal to it.
  private static func expectNear(_ losses: [[Double]]) {
    for half in losses[1...] {
      #expect(half != losses[0])
      for (found, expected) in zip(half, losses[0]) {
        #expect(abs(found / expected - 1) < 0.02)
      }
    }
  }

  /// Twenty steps at a rate at which roundings do not yet send trajectories apart: every loss within 2 % of
  /// f32's, and not equal to it.
  @Test func lossesStayWithThoseOfSinglePrecision() throws {
    let losses = try DType.storage.map { dtype in
      var settings = Tiny.settings(steps: 20, storage: UNetStorage(dtype))
      settings.schedule.rate = 1e-4
      let trainer = try Tiny.trainer(SharedBackend.vulkan, settings, Self.shape)
      return try TrainerTests.train(trainer, to: 20).map(\.loss)
    }
    Self.expectNear(losses)
  }

  /// The odd model: other widths and depths, sizes that are not multiples of tiles.
  @Test func oddLossesStayWithThoseOfSinglePrecision() throws {
    let configuration = SDXLConfiguration.odd
    let shape = BatchShape(
      samples: 1, height: 8, width: 8, contextWidth: configuration.unet.contextWidth,
      pooledWidth: configuration.unet.pooledWidth)
    let losses = try DType.storage.map { dtype in
      var settings = Tiny.settings(steps: 20, storage: UNetStorage(dtype))
      settings.schedule.rate = 1e-4
      let trainer = try Trainer(
        backend: SharedBackend.vulkan, settings: settings, shape: shape,
        denoiser: UNetRunner.denoiser(configuration.unet, storage: settings.storage))
      try ParameterReader(synthetic: configuration.manifest)
        .load(trainer.parameters, into: trainer.store)
      return try (0..<6).map { step in
        try trainer.step([Tiny.batch(shape, seed: UInt64(step))]).wait().loss
      }
    }
    Self.expectNear(losses)
  }

  /// A scale at which gradients overflow f16 is halved until they fit, without the host; what is
  /// skipped changes nothing else, and is counted, also by a trainer that resumes.
  @Test func anOverflowIsSkippedAndRecovered() throws {
    let folder = try TemporaryFolder()
    let settings = Tiny.settings(steps: 60, storage: UNetStorage(.f16))
    let trainer = try Tiny.trainer(SharedBackend.vulkan, settings, Self.shape)
    try TrainerTests.train(trainer, to: 1)
    let before = try trainer.skippedStepCount()
    try trainer.store.write(TensorData([1], [Float(0x1p40)]), to: StateName.lossScale)
    let names =
      trainer.parameters.map(\.name)
      + settings.optimizer.states(trainer.parameters).map(\.name) + [StateName.step]
    let values = try names.map(trainer.store.read)
    // Three in flight, one behind the other: nobody looks at the first before the next begins.
    let skipped = try TrainerTests.train(trainer, to: 4)
    #expect(!skipped.contains { !$0.isSkipped })
    #expect(skipped.map(\.lossScale) == [0x1p39, 0x1p38, 0x1p37])
    #expect(try names.map(trainer.store.read) == values)
    #expect(try trainer.skippedStepCount() == before + 3)
    var last = skipped[2]
    while last.isSkipped, trainer.step < 60 {
      last = try TrainerTests.train(trainer, to: trainer.step + 1)[0]
    }
    #expect(!last.isSkipped && trainer.step < 60)
    #expect(try names.map(trainer.store.read) != values)
    let count = try trainer.skippedStepCount()
    #expect(count == before + trainer.step - 2)
    _ = try TrainerTests.state(trainer, in: folder, "state")
    let other = try Tiny.trainer(SharedBackend.vulkan, settings, Self.shape)
    try other.restoreState(from: folder.path + "/state", identity: TrainerTests.identity)
    #expect(try other.skippedStepCount() == count)
    let scale = try other.store.read(StateName.lossScale)
    #expect(try scale == trainer.store.read(StateName.lossScale))
  }

  /// f16 gradients of small values: without a scale some vanish, with it none does.
  @Test func theScaleKeepsSmallGradients() throws {
    func zeros(_ scale: Float) throws -> Int {
      var settings = Tiny.settings(storage: UNetStorage(.f16))
      settings.lossScaling = LossScaling(initialScale: scale)
      let trainer = try Tiny.trainer(SharedBackend.vulkan, settings, Self.shape)
      let measured = try trainer.step([Tiny.batch(Self.shape, seed: 1)]).wait()
      #expect(!measured.isSkipped)
      return try trainer.parameters.reduce(0) {
        $0 + (try trainer.store.read(StateName.gradient($1.name)).floats.count { $0 == 0 })
      }
    }
    let (few, many) = (try zeros(1024), try zeros(0x1p-12))
    #expect(many > 10 * few)
  }

  /// A state tells how its parameters are stored.
  @Test func aStateOfAnotherPrecisionIsRefused() throws {
    let folder = try TemporaryFolder()
    let trainers = try [DType.bf16, .f32].map {
      try Tiny.trainer(SharedBackend.vulkan, Tiny.settings(storage: UNetStorage($0)), Self.shape)
    }
    _ = try TrainerTests.state(trainers[0], in: folder, "state")
    let file = try Safetensors(path: folder.path + "/state")
    let matrices = file.entries.filter { $0.name.hasPrefix("model.") && $0.shape.count > 1 }
    #expect(!matrices.isEmpty && matrices.allSatisfy { $0.dtype == .bf16 })
    let error = #expect(throws: InputError.self) {
      try trainers[1].restoreState(from: folder.path + "/state", identity: TrainerTests.identity)
    }
    #expect(error?.found.hasPrefix("BF16") == true && error?.hint.contains("precision") == true)
  }
}
