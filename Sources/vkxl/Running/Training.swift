import Data
import Foundation
import Graph
import Model
import Shaders
import Train
import VKRuntime

extension TrainCommand {
  func train() async throws {
    let configuration = try loadConfiguration()
    let folder = RunFolder(configuration.output.folder, name: configuration.runName)
    let isNew = !FileManager.default.fileExists(atPath: folder.path)
    let isNewCache = !FileManager.default.fileExists(atPath: configuration.cacheFolder)
    defer {
      if isNewCache { Files.removeFolderIfEmpty(configuration.cacheFolder) }
      if isNew { Files.removeFolderIfEmpty(folder.path) }
    }
    if !resume { try folder.open() }
    try await train(configuration, folder)
  }

  private func train(_ configuration: Configuration, _ folder: RunFolder) async throws {
    let backend = try Opening.backend(
      configuration.device.name, validate: configuration.device.validate,
      place: device.device == nil ? configuration.source.place(of: "device.name") : nil)
    let monitor = try TrainingMonitor(folder)
    monitor.note("device: \(backend.description)")
    let parts = try Opening.model(
      configuration.model.checkpoint, parts: [.unet, .vae],
      textEncoders: configuration.model.textEncoders, textEncodersKey: "model.text_encoders")
    let warnings =
      try configuration.warnings + configuration.checkOrigin(parts.checkpoint.file)
      + [parts.checkpoint.warning].compactMap { $0 }
    for warning in warnings {
      monitor.note("warning: \(warning)")
    }
    if resume { try folder.checkResumable(model: parts.identity) }
    let stop = StopRequest(onFirst: { _ in monitor.noteStopping() })
    defer { stop.cancel() }
    guard
      let prepared = try await cachedData(configuration, folder, backend, parts, monitor, stop)
    else { return }
    let training = try trainingRun(configuration, folder, backend, parts, prepared, monitor)
    try folder.makeFolder()
    try AtomicFile.write(to: folder.path + "/config.yaml") { try $0.write(configuration.yamlText) }
    try AtomicFile.write(to: folder.path + "/kernels.txt") { try $0.write(backend.kernelChoices) }
    let outcome = try await training.execute { stop.isRequested || monitor.hasFailed }
    monitor.finish()
    try monitor.check()
    let peak = backend.device.memoryStatistics.peakByteCount
    monitor.note("peak device memory: \(readableByteCount(peak))")
    switch outcome {
    case .done: monitor.note("done")
    case .stopped: monitor.note("stopped; continue with --resume")
    case .notBegun: monitor.note("stopped before the first step; run the same command to go on")
    }
  }

  private func trainingRun(
    _ configuration: Configuration, _ folder: RunFolder, _ backend: VulkanBackend,
    _ parts: ModelParts, _ prepared: PreparedData, _ monitor: TrainingMonitor
  ) throws -> TrainingRun {
    func data(_ order: TrainingOrder, weighsTags: Bool) -> TrainingData {
      TrainingData(
        order, cache: prepared.cache, vaeHash: parts.vaeHash, textHash: parts.textHash,
        unet: parts.checkpoint.configuration.unet,
        captionChunkLimit: configuration.data.maxCaptionChunks, weighsTags: weighsTags)
    }
    let run = try configuration.runDescription(
      folder, prepared.training, storage: try configuration.storage(on: backend),
      isResuming: resume, availableByteCount: Int(backend.device.availableByteCount))
    return try TrainingRun(
      backend, run, parts, data(prepared.training, weighsTags: configuration.data.tagWeights),
      heldOut: prepared.heldOut.map { data($0, weighsTags: false) }
    ) { monitor.receive($0) }
  }

  /// What is trained on, what is measured, and where both are cached.
  private struct PreparedData {
    var training: TrainingOrder
    var heldOut: TrainingOrder?
    var cache: ContentCache
  }

  /// Scans the data set and encodes its images; corrupt ones are named and left out. From the first
  /// image on, signals only ask to stop.
  /// - Returns: nil when stopped, which the user has been told.
  private func cachedData(
    _ configuration: Configuration, _ folder: RunFolder, _ backend: VulkanBackend,
    _ parts: ModelParts, _ monitor: TrainingMonitor, _ stop: StopRequest
  ) async throws -> PreparedData? {
    let (dataset, heldOut) = try configuration.datasets()
    for set in [dataset, heldOut].compactMap({ $0 }) {
      try configuration.checkSides(of: set, unet: parts.checkpoint.configuration.unet)
    }
    let order = try TrainingOrder(dataset, options: configuration.orderOptions)
    let cache = try ContentCache(configuration.cacheFolder)
    let caching = try LatentCaching(
      order, into: cache, backend, try parts.vae, weights: parts.weights, vaeHash: parts.vaeHash)
    if resume {
      try await caching.checkResumable(
        folder, model: parts.identity, settings: configuration.canonicalText)
    }
    let heldOutOrder = try heldOut.map {
      try TrainingOrder($0, options: configuration.heldOutOrderOptions)
    }
    try chooseKernels(configuration, folder, backend, parts, order, cache, monitor)
    if let plan = try caching.memory() {
      // What cannot be encoded or trained is told before hours of encoding.
      try plan.check(available: Int(backend.device.availableByteCount))
      let planned = PreparedData(training: order, heldOut: heldOutOrder, cache: cache)
      try trainingRun(configuration, folder, backend, parts, planned, monitor)
        .checkBeforehand()
    }
    stop.listen()
    guard let usable = try await encode(dataset, caching, monitor, stop) else { return nil }
    for line in usable.summary { monitor.note(line) }
    var prepared = PreparedData(
      training: try TrainingOrder(usable, options: configuration.orderOptions), cache: cache)
    guard let heldOut, let heldOutOrder else { return prepared }
    let heldOutCaching = try LatentCaching(
      heldOutOrder, into: cache, backend, try parts.vae, weights: parts.weights,
      vaeHash: parts.vaeHash)
    guard let measured = try await encode(heldOut, heldOutCaching, monitor, stop) else {
      return nil
    }
    monitor.note("held out for validation: \(counted(measured.samples.count, "picture"))")
    for file in measured.unused where file.isPicture { monitor.note("  not used: \(file)") }
    prepared.heldOut = try TrainingOrder(measured, options: configuration.heldOutOrderOptions)
    return prepared
  }

  /// Encodes what is not cached.
  /// - Returns: the data set without corrupt images; nil when stopped.
  private func encode(
    _ dataset: Dataset, _ caching: LatentCaching, _ monitor: TrainingMonitor, _ stop: StopRequest
  ) async throws -> Dataset? {
    if let plan = try caching.memory() { monitor.receive(.planned(plan)) }
    let report = try await caching.run(
      shouldStop: { stop.isRequested }, tell: { monitor.receive($0) })
    guard report.isComplete else {
      monitor.note(
        "stopped: \(report.visitedCount) of \(caching.imageCount) images are cached; "
          + "run the same command to go on")
      return nil
    }
    return report.failures.isEmpty ? dataset : try dataset.removing(report.failures)
  }
}

extension TrainCommand {
  /// Chooses kernels before anything is planned, even for encoding: choices that a plan counts on stay,
  /// and they must not depend on what is cached already.
  private func chooseKernels(
    _ configuration: Configuration, _ folder: RunFolder, _ backend: VulkanBackend,
    _ parts: ModelParts, _ order: TrainingOrder, _ cache: ContentCache, _ monitor: TrainingMonitor
  ) throws {
    let unet = parts.checkpoint.configuration.unet
    let data = TrainingData(
      order, cache: cache, vaeHash: parts.vaeHash, textHash: parts.textHash, unet: unet,
      captionChunkLimit: configuration.data.maxCaptionChunks)
    let (warnings, report) = try configuration.kernelSearch().choose(
      backend, unet.stored(try configuration.storage(on: backend)), shapes: data.batchShapes,
      accumulates: configuration.training.gradientAccumulation > 1,
      resuming: resume ? folder : nil)
    for warning in warnings { monitor.note("warning: \(warning)") }
    let choiceCount = report.measuredCount + report.knownCount + report.guessedCount
    guard choiceCount > 0 else { return }
    let seconds = (report.seconds * 10).rounded() / 10
    monitor.note(
      "kernels: \(report.measuredCount) measured in \(seconds) s, \(report.knownCount) known, "
        + "\(report.guessedCount) guessed (kernels.txt)")
  }
}

extension Configuration {
  /// What is trained on, and what is held out if anything is.
  /// - Throws: `InputError` when a folder cannot be read, or one side is empty.
  func datasets() throws -> (training: Dataset, heldOut: Dataset?) {
    let options = try datasetOptions()
    let dataset = try Dataset(scanning: data.folder, options: options)
    if let folder = data.validationFolder {
      return (dataset, try Dataset(scanning: folder, options: options).withoutRepeats)
    }
    guard data.validationFraction > 0 else { return (dataset, nil) }
    let (training, heldOut) = try dataset.holdingOut(
      data.validationFraction, place: source.place(of: "data.validation_fraction"))
    return (training, heldOut)
  }

  /// - Throws: `InputError` when the file of kernels cannot be read.
  func kernelSearch() throws -> KernelSearch {
    guard let path = device.kernels else {
      return device.tune ? .measured(budgetSeconds: KernelSearch.usualBudgetSeconds) : .guessed
    }
    do {
      return .pinned(try String(contentsOfFile: path, encoding: .utf8))
    } catch {
      throw InputError(
        source.place(of: "device.kernels"), expected: "a run's kernels.txt",
        found: "\(path), which cannot be read")
    }
  }

  /// - Throws: `InputError` when a bucket or a sample picture does not suit the UNet's levels.
  func checkSides(of dataset: Dataset, unet: UNetConfiguration) throws {
    let multiple = 8 * unet.latentMultiple
    func check(_ place: String, _ width: Int, _ height: Int, _ hint: String) throws {
      guard width % multiple != 0 || height % multiple != 0 else { return }
      throw InputError(
        place,
        expected: "sides in multiples of \(multiple) pixels, as this UNet needs",
        found: "\(width)x\(height)", hint: hint)
    }
    let key = data.buckets ? "data.bucket_step" : "data.resolution"
    for bucket in Set(dataset.samples.map(\.bucket)) {
      let below = data.resolution / multiple * multiple
      let resolutions = below > 0 ? "\(below) or \(below + multiple)" : "\(multiple)"
      try check(
        source.place(of: key), bucket.width, bucket.height,
        data.buckets ? "use a multiple of \(multiple)" : "use \(resolutions)")
    }
    for (place, sample) in try placedSamples() {
      try check(place, sample.width, sample.height, "change its width and height")
    }
  }

  /// How the UNet is stored on a device.
  /// - Throws: `InputError` when the device cannot store so.
  func storage(on backend: VulkanBackend) throws -> UNetStorage {
    try model.precision.storage(
      on: backend.device.information, place: source.place(of: "model.precision"))
  }

  /// What the library runs.
  /// - Throws: `InputError` when the file of prompts cannot be read.
  func runDescription(
    _ folder: RunFolder, _ order: TrainingOrder, storage: UNetStorage, isResuming: Bool,
    availableByteCount: Int
  ) throws -> RunDescription {
    let accumulation = training.gradientAccumulation
    let batches = (training.epochs ?? 1) * order.stepsPerEpoch
    let steps = training.maxSteps ?? (batches + accumulation - 1) / accumulation
    let objective = trainingObjective
    if let easing = objective.easing, easing.steps >= steps {
      throw InputError(
        source.place(of: "objective.transition_steps"), expected: "below the run's \(steps) steps",
        found: "\(easing.steps)",
        hint: "the model would end on its way, and no other program could draw with it")
    }
    var (shift, shiftAt1024): (Double?, Double?)
    switch (objective.prediction, objective.times.shift) {
    case (.flow, .constant(let value)): shift = value
    case (.flow, .byResolution(let value)): shiftAt1024 = value
    default: break
    }
    return RunDescription(
      settings: trainerSettings(steps: steps, storage: storage), steps: steps,
      accumulation: accumulation,
      memory: MemoryPolicy(
        budgetByteCount: memory.budget.byteCount(available: availableByteCount),
        gradients: memory.gradients.policy),
      saveEvery: output.saveEvery, keep: output.keep, sampleEvery: output.sampleEvery,
      samples: try placedSamples().map(\.sample),
      drawsAtEnd: output.grid,
      markers: CheckpointMarkers(
        prediction: objective.prediction,
        zeroTerminalSNR: objective.schedule.hasZeroTerminalSNR, shift: shift,
        shiftAt1024: shiftAt1024,
        resolution: "\(data.resolution)x\(data.resolution)", title: runName),
      savedDType: output.dtype.safetensors,
      folder: folder, isResuming: isResuming, settingsText: canonicalText,
      validateEvery: output.validateEvery)
  }
}
