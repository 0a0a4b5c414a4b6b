import Data
import Foundation
import Graph
import Model
import Shaders
import Train

/// What all runs of an experiment share: the device and the model that they start from.
final class ExperimentStage {
  let file: ExperimentFile
  let backend: VulkanBackend
  let parts: ModelParts
  /// Tells the user what is going on.
  let note: (String) -> Void

  /// - Throws: `InputErrors` when the run's configuration or its files are not right.
  init(
    _ file: ExperimentFile, _ backend: VulkanBackend, note: @escaping (String) -> Void
  ) throws {
    self.file = file
    self.backend = backend
    self.note = note
    let shared = try Self.configuration(file, set: [])
    // Mistakes of any arm are told before the first one is trained.
    for arm in file.arms {
      try Self.check(arm.name, set: arm.set, steps: file.steps, of: file)
    }
    for base in file.bases {
      try Self.check(base.name, set: base.set, steps: base.steps, of: file)
    }
    parts = try Opening.model(
      shared.model.checkpoint, parts: [.unet, .vae], textEncoders: shared.model.textEncoders,
      textEncodersKey: "model.text_encoders")
  }

  /// What training starts from, in words.
  var startDescription: String {
    guard file.start == .checkpoint else { return "a UNet with synthetic weights" }
    let markers = try? CheckpointMarkers(reading: parts.checkpoint.file)
    let prediction = markers.map { ", which predicts \($0.prediction.rawValue)" } ?? ""
    return "the checkpoint's UNet" + prediction
  }

  var unet: UNetConfiguration { parts.checkpoint.configuration.unet }

  /// - Throws: `InputError` when an arm's keys are not right, or ask for what experiments do not do.
  private static func check(
    _ name: String, set: [String], steps: Int, of file: ExperimentFile
  ) throws {
    let configuration = try configuration(file, set: set + ["training.max_steps=\(steps)"])
    guard configuration.training.gradientAccumulation == 1 else {
      throw InputError(
        "\(file.path): \(name)", expected: "training.gradient_accumulation 1",
        found: "\(configuration.training.gradientAccumulation)",
        hint: "an update of an experiment is one batch: use training.batch_size")
    }
    let isHoldingOut =
      configuration.data.validationFraction > 0 || configuration.data.validationFolder != nil
    if file.sigmas != nil, !isHoldingOut {
      throw InputError(
        "\(file.path): sigmas", expected: "held-out pictures to measure x0's error on",
        found: "a run that holds nothing out", hint: "set data.validation_fraction in \(file.run)")
    }
  }

  private static func configuration(
    _ file: ExperimentFile, set: [String]
  ) throws -> Configuration {
    let path = file.folder + "/" + file.run
    let configuration = try Configuration.load(file: path, overrides: set)
    try configuration.checkFiles()
    return configuration
  }

  /// The run's configuration as an arm and a seed change it.
  func configuration(set: [String], seed: Int, steps: Int) throws -> Configuration {
    let own = ["training.seed=\(seed)", "training.max_steps=\(steps)"]
    return try Self.configuration(file, set: set + own)
  }

  /// Weights of the UNet as the file's `start` says.
  func load(into store: any Store, _ parameters: [Variable]) throws {
    switch file.start {
    case .checkpoint: try parts.weights.load(parameters, into: store)
    case .synthetic:
      let reader = ParameterReader(synthetic: parts.checkpoint.configuration.manifest)
      try reader.load(parameters, into: store)
    }
  }

  /// Trains what the arms start from.
  /// - Parameter body: sees each base as it is trained
  /// - Returns: weights by name
  func trainBases(
    _ body: (ExperimentRun, ExperimentFile.Base) throws -> Void = { _, _ in }
  ) async throws -> [String: TrainedWeights] {
    var weights: [String: TrainedWeights] = [:]
    for base in file.bases {
      let arm = ExperimentFile.Arm(name: base.name, set: base.set)
      let run = try await ExperimentRun(self, arm, seed: 0, steps: base.steps)
      try run.train(until: base.steps)
      try body(run, base)
      weights[base.name] = try run.weights()
      note("\(base.name): trained for \(base.steps) steps")
    }
    return weights
  }

  /// Runs every arm with every seed.
  /// - Parameters:
  ///   - bases: weights that arms start from, by name
  ///   - body: trains and measures one run
  func forEachRun<Result>(
    bases: [String: TrainedWeights], _ body: (ExperimentRun) async throws -> Result
  ) async throws -> [[Result]] {
    var results: [[Result]] = []
    for arm in file.arms {
      var row: [Result] = []
      for seed in file.seeds {
        let began = ContinuousClock.now
        let run = try await ExperimentRun(
          self, arm, seed: seed, steps: file.steps, start: arm.base.flatMap { bases[$0] })
        row.append(try await body(run))
        let seconds = Int((ContinuousClock.now - began) / .seconds(1))
        note("\(arm.name), seed \(seed): \(seconds) s")
      }
      results.append(row)
    }
    return results
  }

  /// Runs every arm with every seed, after the bases that they start from.
  func forEachRun<Result>(
    _ body: (ExperimentRun) async throws -> Result
  ) async throws -> [[Result]] {
    try await forEachRun(bases: trainBases(), body)
  }
}

/// The UNet's weights after a run.
struct TrainedWeights {
  fileprivate var values: [(name: String, data: TensorData)]
}

/// One arm with one seed: its data, its trainer, and its UNet as it is at the moment.
final class ExperimentRun {
  let stage: ExperimentStage
  let arm: ExperimentFile.Arm
  let seed: Int
  let configuration: Configuration
  let objective: Objective
  let data: TrainingData
  /// Nil when the configuration holds nothing out.
  let heldOut: TrainingData?
  let trainer: Trainer
  let unet: UNetRunner

  init(
    _ stage: ExperimentStage, _ arm: ExperimentFile.Arm, seed: Int, steps: Int,
    start weights: TrainedWeights? = nil
  ) async throws {
    self.stage = stage
    self.arm = arm
    self.seed = seed
    configuration = try stage.configuration(set: arm.set, seed: seed, steps: steps)
    let storage = try configuration.storage(on: stage.backend)
    let settings = configuration.trainerSettings(steps: steps, storage: storage)
    objective = settings.objective
    let (training, measured) = try configuration.datasets()
    data = try await Self.cached(training, stage, configuration, configuration.orderOptions)
    heldOut =
      if let measured {
        try await Self.cached(measured, stage, configuration, configuration.heldOutOrderOptions)
      } else { nil }
    trainer = try Trainer(
      backend: stage.backend, settings: settings, shape: data.batchShapes[0],
      denoiser: UNetRunner.denoiser(stage.unet, storage: storage))
    if let weights {
      for (name, value) in weights.values { try trainer.store.write(value, to: name) }
    } else {
      try stage.load(into: trainer.store, trainer.parameters)
    }
    unet = UNetRunner(
      try NetworkPlans(stage.backend, stage.unet.stored(storage)), sharing: trainer.store)
  }

  /// Latents and embeddings of a data set, computed where they are not cached.
  private static func cached(
    _ dataset: Dataset, _ stage: ExperimentStage, _ configuration: Configuration,
    _ options: OrderOptions
  ) async throws -> TrainingData {
    let parts = stage.parts
    let order = try TrainingOrder(dataset, options: options)
    let cache = try ContentCache(configuration.cacheFolder)
    let caching = try LatentCaching(
      order, into: cache, stage.backend, try parts.vae, weights: parts.weights,
      vaeHash: parts.vaeHash)
    let report = try await caching.run(tell: { _ in })
    if let failure = report.failures.first {
      throw InputError(configuration.data.folder, expected: "pictures", found: "\(failure)")
    }
    let data = TrainingData(
      order, cache: cache, vaeHash: parts.vaeHash, textHash: parts.textHash, unet: stage.unet,
      captionChunkLimit: configuration.data.maxCaptionChunks)
    try data.cacheCaptions(stage.backend, parts)
    return data
  }

  /// Trains on until so many updates are done.
  func train(until step: Int) throws {
    var last: PendingMeasurements?
    while trainer.step < step {
      let pending = try trainer.step(data.batches(update: trainer.step, accumulation: 1))
      _ = try last?.wait()
      last = pending
    }
    guard let measured = try last?.wait(), measured.loss.isFinite else {
      guard last != nil else { return }
      throw InputError(
        "\(stage.file.path): \(arm.name)", expected: "a finite loss", found: "none",
        hint: "lower optimizer.learning_rate")
    }
  }

  /// The weights as they are.
  func weights() throws -> TrainedWeights {
    TrainedWeights(
      values: try trainer.parameters.map { ($0.name, try trainer.store.read($0.name)) })
  }

  /// Latents of the first pictures of the data that is trained on, with their captions.
  /// - Throws: `InputError` when there are fewer.
  func firstLatents(_ count: Int) throws -> [(caption: String, values: [Float])] {
    let found = try Self.latents(data)
    guard found.count >= count else {
      throw InputError(
        "\(stage.file.path): pictures", expected: "at most \(found.count), which the data has",
        found: "\(count)")
    }
    return Array(found.prefix(count))
  }

  /// Latents of every picture of a data set: the means, scaled.
  static func latents(_ data: TrainingData) throws -> [(caption: String, values: [Float])] {
    var found: [Int: [Float]] = [:]
    for index in 0..<data.order.stepsPerEpoch {
      let (batch, samples) = try data.heldOutBatch(at: index)
      let count = batch.latents.count / batch.shape.samples
      for (row, sample) in samples.enumerated() {
        found[sample] = Array(batch.latents[row * count..<(row + 1) * count])
      }
    }
    return found.sorted { $0.key < $1.key }.map {
      (data.order.dataset.samples[$0.key].caption, $0.value)
    }
  }
}
