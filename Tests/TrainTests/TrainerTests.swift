import Foundation
import Graph
import Model
import Testing

@testable import Shaders
@testable import Train
@testable import VKRuntime

/// Bit-reproducibility, resuming, accumulation, fillers and memory of the trainer on a device.
@Suite struct TrainerTests {
  static let shape = Tiny.shape(samples: 2)
  static let wide = Tiny.shape(samples: 2, height: 4, width: 8)
  static let identity = RunIdentity(model: "m", data: "d", settings: "a: 1\nb: 2")

  /// Two updates over different buckets, the second with a filler.
  static func batches(_ step: Int) -> [LatentBatch] {
    [
      Tiny.batch(shape, seed: UInt64(step)),
      Tiny.batch(wide, seed: UInt64(step) + 100, fillers: step % 2),
    ]
  }

  /// Trains from one step to another and returns the measurements.
  @discardableResult
  static func train(_ trainer: Trainer, to step: Int) throws -> [Measurements] {
    var pending: [PendingMeasurements] = []
    let count = trainer.planner.gradients.updatesInBackward ? 1 : 2
    while trainer.step < step {
      pending.append(try trainer.step(Array(batches(trainer.step).prefix(count))))
    }
    return try pending.map { try $0.wait() }
  }

  static func state(_ trainer: Trainer, in folder: TemporaryFolder, _ name: String) throws -> Data {
    let path = folder.path + "/" + name
    try trainer.saveState(to: path, identity: identity)
    return try Data(contentsOf: URL(fileURLWithPath: path))
  }

  /// Trains to a step at once, and in two halves with a new trainer for the second: the same measurements
  /// and the same bits.
  /// - Returns: the measurements of all updates
  static func expectResumeToTheBit(
    _ settings: TrainerSettings, to step: Int, gradients: GradientPolicy = .kept
  ) throws -> [Measurements] {
    let memory = MemoryPolicy(gradients: gradients)
    let backend = try SharedBackend.vulkan
    let folder = try TemporaryFolder()
    let whole = try Tiny.trainer(backend, settings, shape, memory: memory)
    let measured = try train(whole, to: step)
    let half = step / 2
    let first = try Tiny.trainer(backend, settings, shape, memory: memory)
    try train(first, to: half)
    _ = try state(first, in: folder, "half")
    let second = try Trainer(
      backend: backend, settings: settings, shape: shape, memory: memory,
      denoiser: UNetRunner.denoiser(Tiny.configuration.unet, storage: settings.storage))
    try second.restoreState(from: folder.path + "/half", identity: identity)
    #expect(second.step == half)
    #expect(try train(second, to: step) == Array(measured[half...]))
    #expect(try state(second, in: folder, "resumed") == state(whole, in: folder, "whole"))
    #expect(measured.allSatisfy { $0.loss.isFinite && !$0.isSkipped })
    return measured
  }

  @Test(arguments: [PredictionType.flow, .v], DType.storage)
  func sixStepsAreThreeAndThreeResumedToTheBit(
    _ prediction: PredictionType, dtype: DType
  ) throws {
    var settings = Tiny.settings(prediction, storage: UNetStorage(dtype))
    if dtype == .f16 { settings.lossScaling = LossScaling(initialScale: 1024, growthInterval: 2) }
    let losses = try Self.expectResumeToTheBit(settings, to: 6)
    #expect(Set(losses.map(\.loss)).count == 6)
    let scales = losses.compactMap(\.lossScale)
    #expect(scales == (dtype == .f16 ? [1024, 2048, 2048, 4096, 4096, 8192] : []))
  }

  @Test func accumulatedBatchesAreOneLargeBatch() throws {
    let backend = try SharedBackend.vulkan
    let large = Tiny.batch(Tiny.shape(samples: 4), seed: 1)
    let halves = [0, 1].map { half -> LatentBatch in
      let slice = { (values: [Float]) in
        Array(values[(half * values.count / 2)..<((half + 1) * values.count / 2)])
      }
      return LatentBatch(
        shape: Self.shape, latents: slice(large.latents), context: slice(large.context),
        pooled: slice(large.pooled), timeIDs: slice(large.timeIDs), weights: slice(large.weights))
    }
    let measured = try [[large], halves].map { batches in
      try Tiny.trainer(backend, Tiny.settings(), Self.shape).step(batches).wait()
    }
    // Sums are taken in another order.
    #expect(abs(measured[0].loss - measured[1].loss) < 1e-6 * measured[0].loss)
    #expect(
      abs(measured[0].gradientNorm - measured[1].gradientNorm) < 1e-5 * measured[0].gradientNorm)
  }

  /// Four batches an update, and one update in flight while the next is prepared.
  @Test(arguments: [false, true])
  func aStepNeverWaitsForTheDevice(isDiscrete: Bool) throws {
    let backend = VulkanBackend(try Device(assumesDiscrete: isDiscrete))
    let batches = (0..<4).map { Tiny.batch(Self.wide, seed: UInt64($0)) }
    func waits(accumulation: Int) throws -> (counts: [Int], losses: [Double]) {
      let trainer = try Tiny.trainer(
        backend, Tiny.settings(), Self.wide, accumulation: accumulation)
      try trainer.prepare(Self.wide, accumulates: true)
      let timeline = try #require(trainer.store as? VulkanStore).timeline
      var (counts, losses): ([Int], [Double]) = ([], [])
      var pending: PendingMeasurements?
      for _ in 0..<3 {
        let before = timeline.waitCount
        let next = try trainer.step(batches)
        counts.append(timeline.waitCount - before)
        if let pending { losses.append(try pending.wait().loss) }
        pending = next
      }
      return (counts, losses)
    }
    let found = try waits(accumulation: 4)
    #expect(found.counts == [0, 0, 0])
    // Blocks for fewer runs: five runs need the first of four again. The results are the same.
    let tight = try waits(accumulation: 1)
    #expect(tight.counts.allSatisfy { $0 > 0 })
    #expect(tight.losses == found.losses)
  }

  @Test func fillersCountNothing() throws {
    let backend = try SharedBackend.vulkan
    var batch = Tiny.batch(Self.shape, seed: 1, fillers: 1)
    let trainer = try Tiny.trainer(backend, Tiny.settings(), Self.shape)
    let expected = try trainer.step([batch]).wait()
    for i in batch.latents.count / 2..<batch.latents.count { batch.latents[i] = 3 }
    let other = try Tiny.trainer(backend, Tiny.settings(), Self.shape)
    #expect(try other.step([batch]).wait() == expected)
  }

  @Test func gradientsThatAreNotFiniteAreSkipped() throws {
    let backend = try SharedBackend.vulkan
    let trainer = try Tiny.trainer(backend, Tiny.settings(), Self.shape)
    try Self.train(trainer, to: 1)
    let before = try trainer.store.read(StateName.step)
    let name = try #require(trainer.parameters.first).name
    let weights = try trainer.store.read(name)
    var batch = Tiny.batch(Self.shape, seed: 1)
    batch.latents[0] = .infinity
    #expect(try trainer.step([batch]).wait().isSkipped)
    #expect(try trainer.store.read(name) == weights)
    #expect(try trainer.store.read(StateName.step) == before)
  }

  @Test(arguments: [false, true])
  func memoryIsWhatWasPlanned(isDiscrete: Bool) throws {
    let device = try Device(assumesDiscrete: isDiscrete)
    let backend = VulkanBackend(device)
    let settings = Tiny.settings()
    let denoiser = UNetRunner.denoiser(Tiny.configuration.unet)
    let parameters = Trainer.parameters(Self.shape, denoiser)
    var planned = MemoryUse(runsInFlight: Trainer.runsInFlight(accumulation: 3))
    try planned.add(Tiny.variables(backend, settings, Self.shape), backend)
    planned.add(
      try backend.plan(
        UpdateStep.graph(parameters, optimizer: settings.optimizer, maximumNorm: 1)), backend)
    for shape in [Self.shape, Self.wide] {
      for mode in [MicroStep.Gradients.replace, .add] {
        let graph = MicroStep.graph(shape, gradients: mode, denoiser: denoiser)
        planned.add(try backend.plan(graph, within: nil).plan, backend)
      }
    }
    let trainer = try Trainer(
      backend: backend, settings: settings, shape: Self.shape, accumulation: 3, denoiser: denoiser)
    // The larger shape comes last: what all programs share grows, and is never there twice.
    for shape in [Self.wide, Self.shape] { try trainer.prepare(shape, accumulates: true) }
    #expect(trainer.store.allocatedByteCount == planned.total)
    #expect(Int(device.memoryStatistics.byteCount) == planned.total)
    #expect(Int(device.memoryStatistics.peakByteCount) == planned.total)
  }

  /// Weights that the host cannot reach, through a staging ring that is smaller than some of them.
  @Test func discreteMemoryGivesTheSameBits() throws {
    let folder = try TemporaryFolder()
    let discrete = VulkanBackend(try Device(assumesDiscrete: true), stagingByteCount: 20_000)
    // A state tells the kernels chosen: each backend has done nothing else.
    let states = try [VulkanBackend(Device()), discrete].map { backend in
      let trainer = try Tiny.trainer(backend, Tiny.settings(), Self.shape)
      let losses = try Self.train(trainer, to: 3)
      return (losses, try Self.state(trainer, in: folder, "state"))
    }
    #expect(states[0].0 == states[1].0)
    #expect(states[0].1 == states[1].1)
  }

  @Test func frozenParametersGetNoGradient() throws {
    let denoiser = UNetRunner.denoiser(Tiny.configuration.unet) { $0.contains("attn2") }
    let parameters = Trainer.parameters(Self.shape, denoiser)
    let trained = parameters.filter(\.isTrained)
    #expect(!trained.isEmpty && trained.count < parameters.count)
    let graph = MicroStep.graph(Self.shape, gradients: .replace, denoiser: denoiser)
    let whole = MicroStep.graph(
      Self.shape, gradients: .replace, denoiser: UNetRunner.denoiser(Tiny.configuration.unet))
    #expect(graph.nodes.count < whole.nodes.count)
    #expect(graph.assignments.count == trained.count)
  }

  @Test(arguments: [
    (RunIdentity(model: "x", data: "d", settings: "a: 1\nb: 2"), "another model"),
    (RunIdentity(model: "m", data: "x", settings: "a: 1\nb: 2"), "another data set"),
    (RunIdentity(model: "m", data: "d", settings: "a: 1\nb: 3"), "b: 3"),
  ])
  func anotherRunIsRefused(identity: RunIdentity, found: String) throws {
    let folder = try TemporaryFolder()
    let trainer = try Tiny.trainer(SharedBackend.vulkan, Tiny.settings(), Self.shape)
    _ = try Self.state(trainer, in: folder, "state")
    let error = #expect(throws: InputError.self) {
      try trainer.restoreState(from: folder.path + "/state", identity: identity)
    }
    #expect(error?.found == found)
  }

  @Test func anOutputFolderOfAnotherRunIsRefused() throws {
    let folder = try TemporaryFolder()
    let run = RunFolder(folder.path, name: "run")
    try run.open()
    try Data().write(to: URL(fileURLWithPath: run.statePath(step: 7)))
    #expect(run.savedSteps == [7])
    #expect(throws: InputError.self) { try run.open() }
    try Data().write(to: URL(fileURLWithPath: run.statePath(step: 12)))
    try run.keepNewest(1)
    #expect(run.savedSteps == [12])
  }
}
