import Data
import Foundation
import Graph
import Model

extension TrainingRun {
  /// What a resumed run is checked against.
  var identity: RunIdentity {
    RunIdentity(
      model: parts.identity, data: data.order.dataset.fingerprint, settings: run.settingsText)
  }

  /// Saves the model and what resuming needs. The state comes last: where it is, all is.
  func save(_ trainer: Trainer, isLast: Bool) throws {
    let path = isLast ? run.folder.finalModelPath : run.folder.modelPath(step: trainer.step)
    let trained = Set(trainer.parameters.filter(\.isTrained).map(\.name))
    let overflows = try CheckpointWriter.save(
      parts.checkpoint.file,
      replacement: { entry in
        guard trained.contains(entry.name) else { return nil }
        return TensorReplacement(self.parts.weights.layout(entry.name), of: trainer.store)
      }, dtype: run.savedDType, markers: run.markers, to: path)
    for overflow in overflows.prefix(3) { tell(.warning(overflow.description)) }
    if overflows.count > 3 {
      tell(.warning("infinite values in \(overflows.count - 3) more tensors: the run diverged"))
    }
    try trainer.saveState(to: run.folder.statePath(step: trainer.step), identity: identity)
    try run.folder.keepNewest(run.keep)
    tell(.saved(path: path))
    if let easing = run.settings.objective.easing, trainer.step < easing.steps {
      tell(
        .warning(
          "the model is \(trainer.step) of \(easing.steps) steps on its way from epsilon "
            + "(objective.transition_steps): other programs cannot draw with it yet"))
    }
  }

  /// Draws the samples with the current weights, as one grid. The decoder is on the device while what
  /// the steps compute is not.
  func drawPictures(_ trainer: Trainer) throws {
    guard let first = run.samples.first, let decoderPlans else { return }
    let latents = try drawLatents(trainer)
    try trainer.store.releaseTransientMemory()
    let decoder = try LatentDecoder(
      backend, decoderPlans, weights: parts.weights,
      shape: decoding.piece(of: first.latentShape))
    let cells = try zip(run.samples, latents).map { sample, latents in
      let pixels = try decoder.decode(latents, sample.latentShape, in: decoding)
      return Image(width: sample.width, height: sample.height, normalized: pixels)
    }
    let columns = Int(Double(cells.count).squareRoot().rounded(.up))
    let grid = ImageGrid(cells, columns: columns).image()
    let path = run.folder.picturePath(step: trainer.step)
    try Files.makeFolder(run.folder.path + "/samples")
    let prompts = run.samples.map(\.prompt).joined(separator: "\n")
    try PNG.write(grid, to: path, texts: [("parameters", prompts)])
    tell(.picture(path: path))
  }

  private func drawLatents(_ trainer: Trainer) throws -> [[Float]] {
    let unetRunner = UNetRunner(unetPlans, sharing: trainer.store)
    return try run.samples.map { sample in
      let (positive, negative) = Conditioning.matched(
        try data.conditioning(of: .prompt(sample.prompt)),
        try data.conditioning(of: .prompt(sample.negative)))
      let request = sample.request(positive: positive, negative: negative)
      return try process(of: sample, at: trainer.step).draw([request], unetRunner, unet)[0]
    }
  }

  /// A picture's sampler on the table that suits what the model is trained to predict.
  func process(of sample: SampleDescription, at step: Int) -> SamplingProcess {
    let objective = run.settings.objective
    let settings = TableSettings(
      steps: sample.steps, method: sample.method,
      shift: objective.times.shift.value(pixels: sample.width * sample.height))
    let table = SamplingTable(
      prediction: objective.prediction, schedule: objective.schedule, settings)
    return SamplingProcess(
      prediction: objective.prediction, table: table, method: sample.method,
      easingProgress: objective.easing?.progress(at: step) ?? 1)
  }
}

extension SampleDescription {
  /// The picture to draw; without conditioning it tells the shapes alone.
  func request(
    positive: Conditioning = Conditioning(context: [], pooled: []),
    negative: Conditioning = Conditioning(context: [], pooled: [])
  ) -> PictureRequest {
    PictureRequest(
      positive: positive, negative: negative, width: width, height: height,
      guidance: Float(guidance), guidanceRescale: Float(guidanceRescale), seed: seed)
  }

  /// Shape of the UNet's batch, in which both prompts have as many tokens.
  public func batchShape(_ configuration: UNetConfiguration) -> BatchShape {
    let tokenizer = CLIPTokenizer()
    let counts = [prompt, negative].map {
      tokenizer.encode(WeightedPrompt(parsing: $0)).chunks.count
    }
    var shape = request().batchShape(configuration)
    shape.tokens = CLIPTokenizer.contextLength * Conditioning.commonCount(counts[0], counts[1])
    return shape
  }

  /// Shape of the latents.
  public var latentShape: FrameShape { request().latentShape }
}
