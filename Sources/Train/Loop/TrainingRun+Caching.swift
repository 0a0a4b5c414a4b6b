import Data
import Graph
import Model

extension TrainingRun {
  /// Captions of the data and of the pictures to draw.
  private var allCaptions: [String] {
    Set(data.captions + run.samples.flatMap { [$0.prompt, $0.negative] }).sorted()
  }

  /// Captions that are not in the cache.
  var missingCaptions: [String] { data.missing(allCaptions) }

  /// Fills the cache with text embeddings; the encoders are on the device meanwhile.
  func cacheText(
    _ missing: [String], _ plans: NetworkPlans<TextConditioner>, shouldStop: () -> Bool
  ) throws {
    let conditioner = try TextConditioner(plans, weights: parts.textWeights, shape: 1)
    let tokenizer = CLIPTokenizer()
    for (index, caption) in missing.enumerated() where !shouldStop() {
      let lost = tokenizer.encode(caption).truncatedCount
      if lost > 0 {
        tell(.warning("caption is \(lost) tokens too long, the end is ignored: \(caption)"))
      }
      try data.store(conditioner.encode(caption), for: caption)
      tell(.caching(what: .captions, done: index + 1, total: missing.count))
    }
  }

  /// Device memory of the run's phases, planned before anything is allocated.
  /// - Parameter text: plans of the text encoders, if they have work to do.
  func memoryPlan(_ text: NetworkPlans<TextConditioner>?) throws -> MemoryPlan {
    var phases: [(name: String, use: MemoryUse)] = []
    if let text { phases.append(("text encoders", try text.memory([1]))) }
    let training = try trainingMemory()
    phases.append(("training", training))
    if let decoderPlans, !run.samples.isEmpty {
      var use = training
      let requests = Set(run.samples.map { $0.request().batchShape(unet) })
      try unetPlans.add(Array(requests), to: &use)
      let decoder = try decoderPlans.memory(Array(Set(run.samples.map(\.latentShape))))
      use.variables += decoder.total
      phases.append(("training with pictures", use))
    }
    return MemoryPlan(phases: phases)
  }

  private func trainingMemory() throws -> MemoryUse {
    let denoiser = UNetRunner.denoiser(unet)
    guard let first = data.batchShapes.first else { return MemoryUse() }
    let parameters = Trainer.parameters(first, denoiser)
    var use = MemoryUse(runsInFlight: Trainer.runsInFlight(accumulation: run.accumulation))
    try use.add(Trainer.variables(parameters, run.settings.optimizer), backend)
    let modes: [MicroStep.Gradients] = run.accumulation > 1 ? [.replace, .add] : [.replace]
    for shape in data.batchShapes {
      for mode in modes {
        let graph = MicroStep.graph(
          shape, loss: run.settings.loss, gradients: mode, denoiser: denoiser)
        use.add(try backend.plan(graph), backend)
      }
    }
    let update = UpdateStep.graph(
      parameters.filter(\.isTrained), optimizer: run.settings.optimizer,
      maximumNorm: run.settings.maximumNorm)
    use.add(try backend.plan(update), backend)
    return use
  }
}
