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
        let values = try trainer.store.read(entry.name).floats
        return self.parts.weights.layout(entry.name).toFile(values)
      }, markers: run.markers, to: path)
    for overflow in overflows.prefix(3) { tell(.warning(overflow.description)) }
    if overflows.count > 3 {
      tell(.warning("infinite values in \(overflows.count - 3) more tensors: the run diverged"))
    }
    try trainer.saveState(to: run.folder.statePath(step: trainer.step), identity: identity)
    try run.folder.keepNewest(run.keep)
    tell(.saved(path: path))
  }

  /// Draws the samples with the current weights, as one grid.
  func drawPictures(_ trainer: Trainer) throws {
    guard let first = run.samples.first, let decoderPlans else { return }
    let unetRunner = UNetRunner(unetPlans, sharing: trainer.store)
    let decoder = try LatentDecoder(
      decoderPlans, weights: parts.weights, shape: first.latentShape)
    let cells = try run.samples.map { sample in
      let request = sample.request(
        positive: try data.conditioning(of: sample.prompt),
        negative: try data.conditioning(of: sample.negative))
      let latents = try sampler(steps: sample.steps, pixels: sample.width * sample.height)
        .draw(request, unetRunner, unet)
      let pixels = try decoder.decode(latents, sample.latentShape)
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

  /// A sampler that suits what the model is trained to predict.
  func sampler(steps: Int, pixels: Int) -> SamplingProcess {
    let objective = run.settings.objective
    let table = SamplingTable(
      prediction: objective.prediction, schedule: objective.schedule,
      TableSettings(steps: steps, shift: objective.times.shift.value(pixels: pixels)))
    return SamplingProcess(prediction: objective.prediction, table: table)
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
      guidance: Float(guidance), seed: seed)
  }

  var latentShape: FrameShape { request().latentShape }
}
