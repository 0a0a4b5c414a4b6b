import Data
import Foundation
import Graph
import Model

/// A run as the command line describes it, with everything read and checked.
public struct RunDescription: Sendable {
  /// What decides an update.
  public var settings: TrainerSettings
  /// Length of the run in updates.
  public var steps: Int
  /// Micro-steps of an update.
  public var accumulation: Int
  /// Bytes that training may take, and where gradients are.
  public var memory: MemoryPolicy
  /// Updates between checkpoints; 0 saves at the end alone.
  public var saveEvery: Int
  /// Newest checkpoints kept; 0 keeps all.
  public var keep: Int
  /// Updates between pictures; 0 draws at the end alone.
  public var sampleEvery: Int
  /// Pictures to draw.
  public var samples: [SampleDescription]
  /// Updates between measurements of the held-out samples; 0 measures at the start and the end alone.
  public var validateEvery: Int
  /// Whether the samples are drawn after the last update too.
  public var drawsAtEnd: Bool
  /// What the saved model says of itself.
  public var markers: CheckpointMarkers
  /// Element type of saved models; nil keeps that of the model that training starts from.
  public var savedDType: SafetensorsDType?
  /// Where everything is written.
  public var folder: RunFolder
  /// Whether the run goes on from the folder's newest state.
  public var isResuming: Bool
  /// Settings that decide the result, one `key: value` a line: a resumed run must have the same.
  public var settingsText: String

  public init(
    settings: TrainerSettings, steps: Int, accumulation: Int,
    memory: MemoryPolicy = MemoryPolicy(), saveEvery: Int, keep: Int, sampleEvery: Int,
    samples: [SampleDescription], drawsAtEnd: Bool, markers: CheckpointMarkers,
    savedDType: SafetensorsDType? = nil, folder: RunFolder, isResuming: Bool,
    settingsText: String, validateEvery: Int = 0
  ) {
    self.validateEvery = validateEvery
    self.settings = settings
    self.steps = steps
    self.accumulation = accumulation
    self.memory = memory
    self.saveEvery = saveEvery
    self.keep = keep
    self.sampleEvery = sampleEvery
    self.samples = samples
    self.drawsAtEnd = drawsAtEnd
    self.markers = markers
    self.savedDType = savedDType
    self.folder = folder
    self.isResuming = isResuming
    self.settingsText = settingsText
  }
}

/// A picture to draw while training.
public struct SampleDescription: Sendable, Equatable {
  /// What it shows.
  public var prompt: String
  /// What it does not show; may be empty.
  public var negative: String
  /// Pixels, a multiple of 8.
  public var width: Int
  /// Pixels, a multiple of 8.
  public var height: Int
  /// Sampler steps.
  public var steps: Int
  /// Classifier-free guidance scale; 1 turns guidance off.
  public var guidance: Double
  /// Share of the rescaled guidance, 0 to 1.
  public var guidanceRescale: Double
  /// The sampler.
  public var method: SamplingMethod
  /// Seed of the noise.
  public var seed: UInt64

  public init(
    prompt: String, negative: String, width: Int, height: Int, steps: Int, guidance: Double,
    guidanceRescale: Double = 0, method: SamplingMethod = .euler, seed: UInt64
  ) {
    self.prompt = prompt
    self.negative = negative
    self.width = width
    self.height = height
    self.steps = steps
    self.guidance = guidance
    self.guidanceRescale = guidanceRescale
    self.method = method
    self.seed = seed
  }
}

/// The parts of a model and where their weights come from.
public struct ModelParts: Sendable {
  /// UNet and VAE, and the layout of what is saved.
  public var checkpoint: SDXLCheckpoint
  /// Text encoders, of this or another checkpoint, or synthetic.
  public var textConfiguration: SDXLConfiguration
  /// Weights of the UNet and the VAE.
  public var weights: ParameterReader
  /// Weights of the text encoders.
  public var textWeights: ParameterReader
  /// Digest of the UNet's weights, for resumed runs. Each digest reads all weights of its part when it
  /// is first asked for.
  public var unetHash: String { unetDigest.value }
  /// Digest of the VAE's weights, for caches and resumed runs.
  public var vaeHash: String { vaeDigest.value }
  /// Digest of the text encoders' weights, for caches and resumed runs.
  public var textHash: String { textDigest.value }
  private let unetDigest: Deferred<String>
  private let vaeDigest: Deferred<String>
  private let textDigest: Deferred<String>

  /// Digest of everything that training starts from.
  public var identity: String { unetHash + vaeHash + textHash }

  /// - Throws: `InputError` when the checkpoint has none.
  public var vae: VAEConfiguration {
    get throws {
      guard let vae = checkpoint.configuration.vae else {
        throw InputError(
          checkpoint.file.path, expected: "a checkpoint with a VAE", found: "none")
      }
      return vae
    }
  }

  public init(
    checkpoint: SDXLCheckpoint, textConfiguration: SDXLConfiguration, weights: ParameterReader,
    textWeights: ParameterReader, textDigest: Deferred<String>
  ) {
    self.checkpoint = checkpoint
    self.textConfiguration = textConfiguration
    self.weights = weights
    self.textWeights = textWeights
    let file = checkpoint.file
    unetDigest = Deferred { file.digest(ofTensorsWithPrefix: CheckpointPart.unet.prefix) }
    vaeDigest = Deferred { file.digest(ofTensorsWithPrefix: CheckpointPart.vae.prefix) }
    self.textDigest = textDigest
  }
}

/// What a run tells while it goes.
public enum TrainingEvent: Sendable {
  case caching(what: Cached, done: Int, total: Int)
  /// Before training: device memory by phase, in bytes.
  case planned(MemoryPlan)
  /// Before training: what a step over a batch of a size computes twice, and all that it computes.
  case recomputing(height: Int, width: Int, Recomputation, flopCount: Int)
  /// Parameters are on the device, and after a resume the optimizer's state.
  case loaded(byteCount: Int, seconds: Double)
  case resumed(step: Int)
  /// Kernels are compiled and recorded; launches of an update over one batch of a size.
  case ready(height: Int, width: Int, launches: Int)
  case step(StepReport)
  case saved(path: String)
  case picture(path: String)
  case validation(ValidationReport)
  case warning(String)

  /// What is computed before training and kept.
  public enum Cached: String, Sendable { case images, captions }
}

/// How a run ended that did not fail.
public enum RunOutcome: Sendable {
  /// All steps are done and the model is saved.
  case done
  /// It was asked to stop and has saved what resuming needs.
  case stopped
  /// It was asked to stop before its first step: what is cached is kept, nothing else is lost.
  case notBegun
}

/// One line of the metrics.
public struct StepReport: Sendable, Equatable {
  /// Updates done, from 1.
  public var step: Int
  /// Updates of the whole run.
  public var steps: Int
  /// Mean over the update's real samples.
  public var loss: Double
  /// The rate of this update.
  public var learningRate: Double
  /// Global norm of the gradients, before clipping.
  public var gradientNorm: Double
  /// Seconds from the end of the update before to the end of this one, as the device measured them.
  public var seconds: Double
  /// Real samples of the update by `seconds`.
  public var imagesPerSecond: Double
  /// Updates of the whole run so far that were skipped, because gradients were not finite.
  public var skippedSteps: Int
  /// What the next update's gradients are computed times; nil without loss scaling.
  public var lossScale: Double?
}

/// Device memory of each phase of a run; the largest is the run's peak.
public struct MemoryPlan: Sendable, Equatable {
  /// Phases in the order in which they run.
  public var phases: [(name: String, use: MemoryUse)]

  /// Bytes of the phase that needs most.
  public var peak: Int { phases.map(\.use.total).max() ?? 0 }

  public init(phases: [(name: String, use: MemoryUse)]) { self.phases = phases }

  /// What fills the caches is not bound by `memory.budget`, but by the device.
  /// - Throws: `InputError` naming the first phase that the device does not hold.
  public func check(available byteCount: Int) throws {
    for (name, use) in phases where use.total > byteCount {
      throw InputError(
        "device memory", expected: "at least \(StepPlanner.mebibytes(use.total)) for \(name)",
        found: StepPlanner.mebibytes(byteCount),
        hint: "fill data.cache_folder on a device with more memory, or lower data.resolution")
    }
  }

  public static func == (a: MemoryPlan, b: MemoryPlan) -> Bool {
    a.phases.map(\.name) == b.phases.map(\.name) && a.phases.map(\.use) == b.phases.map(\.use)
  }
}

/// Runs training from caching to the final checkpoint.
public final class TrainingRun {
  /// What the run computes on.
  public let backend: any Backend
  /// What is asked for.
  public let run: RunDescription
  /// The model that training starts from.
  public let parts: ModelParts
  /// The data set.
  public let data: TrainingData
  /// Samples that are measured and not trained on; nil: none are.
  public let heldOut: TrainingData?
  let tell: (TrainingEvent) -> Void
  /// For pictures while training.
  let unetPlans: NetworkPlans<UNetRunner>
  /// Nil when the checkpoint has no VAE.
  let decoderPlans: NetworkPlans<LatentDecoder>?
  /// How pictures are decoded.
  private(set) var decoding = DecodingPieces.whole
  private var clock = StepClock()
  private var skippedSteps = 0

  public init(
    _ backend: any Backend, _ run: RunDescription, _ parts: ModelParts, _ data: TrainingData,
    heldOut: TrainingData? = nil, tell: @escaping (TrainingEvent) -> Void
  ) throws {
    self.backend = backend
    self.run = run
    self.parts = parts
    self.data = data
    self.heldOut = heldOut
    self.tell = tell
    unetPlans = try NetworkPlans(
      backend, parts.checkpoint.configuration.unet.stored(run.settings.storage))
    decoderPlans = try parts.checkpoint.configuration.vae.map { try NetworkPlans(backend, $0) }
  }

  var unet: UNetConfiguration { parts.checkpoint.configuration.unet }

  var denoiser: Denoiser { UNetRunner.denoiser(unet, storage: run.settings.storage) }

  /// - Parameter shouldStop: asked after each caption and update; true saves and ends the run.
  public func execute(
    isolation: isolated (any Actor)? = #isolation, shouldStop: () -> Bool
  ) async throws -> RunOutcome {
    let texts = missingTexts
    let textPlans =
      texts.isEmpty ? nil : try NetworkPlans<TextConditioner>(backend, parts.textConfiguration)
    let networks = runNetworks()
    let planner = try stepPlanner(networks)
    let (plan, decoding) = try memoryPlan(planner, networks, textPlans)
    self.decoding = decoding
    tell(.planned(plan))
    try tellCosts(planner)
    if let textPlans {
      try parts.weights.check(planner.parameters)
      try cacheText(texts, textPlans, shouldStop: shouldStop)
    }
    if shouldStop() { return .notBegun }
    let trainer = try makeTrainer(planner)
    let first = trainer.step
    if first >= run.steps {
      tell(.warning("all \(run.steps) steps are done already: there is nothing left to train"))
    }
    let validation = try makeValidation(trainer)
    if let validation, first == 0 { tell(.validation(try validation.measure(step: 0))) }
    let accumulation = run.accumulation
    let updates = Prefetch(first..<max(first, run.steps), ahead: 2) { [data] update in
      try data.batches(update: update, accumulation: accumulation)
    }
    var iterator = updates.makeAsyncIterator()
    var pending: PendingUpdate?
    clock.restart()
    while let batches = try await iterator.next(isolation: isolation) {
      let update = PendingUpdate(
        step: trainer.step, samples: batches.reduce(0) { $0 + $1.weights.reduce(0, +) },
        measurements: try trainer.step(batches))
      // Metrics come one update late, so that the device never waits for the host.
      try pending.map(report)
      pending = update
      let isLast = trainer.step == run.steps
      let stops = shouldStop()
      let saves = isLast || stops || isDue(trainer.step, run.saveEvery)
      let validates = validation != nil && (isLast || isDue(trainer.step, run.validateEvery))
      let draws = (isLast && run.drawsAtEnd) || isDue(trainer.step, run.sampleEvery)
      if saves || draws || validates {
        try report(update)
        pending = nil
        if validates, let validation {
          tell(.validation(try validation.measure(step: trainer.step)))
        }
        if saves { try save(trainer, isLast: isLast) }
        if draws { try drawPictures(trainer) }
        clock.restart()
      }
      if stops { return isLast ? .done : .stopped }
    }
    return .done
  }

  private struct PendingUpdate {
    var step: Int
    var samples: Float
    var measurements: PendingMeasurements
  }

  private func isDue(_ step: Int, _ interval: Int) -> Bool {
    interval > 0 && step % interval == 0
  }

  private func report(_ update: PendingUpdate) throws {
    let measured = try update.measurements.wait()
    let seconds = clock.seconds(update.measurements.deviceTimes)
    if measured.isSkipped {
      skippedSteps += 1
      let reason = "gradients are not finite; the update was skipped"
      let scale = measured.lossScale.map { ", the loss scale is now \($0)" } ?? ""
      tell(.warning("step \(update.step + 1): \(reason)\(scale)"))
    }
    tell(
      .step(
        StepReport(
          step: update.step + 1, steps: run.steps, loss: measured.loss,
          learningRate: run.settings.schedule.rate(at: update.step),
          gradientNorm: measured.gradientNorm, seconds: seconds,
          imagesPerSecond: Double(update.samples) / max(seconds, 1e-9),
          skippedSteps: skippedSteps, lossScale: measured.lossScale)))
  }

  private func makeTrainer(_ planner: StepPlanner) throws -> Trainer {
    let trainer = try Trainer(backend: backend, planner: planner)
    let start = ContinuousClock.now
    if run.isResuming, let step = run.folder.savedSteps.last {
      let frozen = trainer.parameters.filter { !$0.isTrained }
      try parts.weights.load(frozen, into: trainer.store)
      try trainer.restoreState(from: run.folder.statePath(step: step), identity: identity)
      skippedSteps = try trainer.skippedStepCount()
      tell(.resumed(step: step))
    } else {
      try parts.weights.load(trainer.parameters, into: trainer.store)
    }
    tell(
      .loaded(
        byteCount: trainer.parameters.reduce(0) { $0 + $1.type.byteCount },
        seconds: (ContinuousClock.now - start) / .seconds(1)))
    for shape in data.batchShapes {
      try trainer.prepare(shape)
      tell(
        .ready(
          height: shape.height * 8, width: shape.width * 8,
          launches: try trainer.launchCount(shape)))
    }
    return trainer
  }
}
