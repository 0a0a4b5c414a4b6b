import Data
import Graph
import Model

extension TrainingRun {
  /// Captions of the data, and prompts of the pictures to draw with the empty one that fills them.
  private var allTexts: [EncodedText] {
    let prompts = Set(run.samples.flatMap { [$0.prompt, $0.negative, ""] })
    return data.captions + prompts.sorted().map { .prompt($0) }
  }

  /// Texts that are not in the cache.
  var missingTexts: [EncodedText] { data.missing(allTexts) }

  /// Fills the cache with text embeddings; the encoders are on the device meanwhile.
  func cacheText(
    _ missing: [EncodedText], _ plans: NetworkPlans<TextConditioner>, shouldStop: () -> Bool
  ) throws {
    let conditioner = try TextConditioner(plans, weights: parts.textWeights, shape: 1)
    let tokenizer = CLIPTokenizer()
    for (index, text) in missing.enumerated() where !shouldStop() {
      let tokens = text.tokens(tokenizer, captionChunkLimit: data.captionChunkLimit)
      if tokens.truncatedCount > 0 {
        tell(
          .warning(
            "caption is \(tokens.truncatedCount) tokens too long, the end is ignored "
              + "(data.max_caption_chunks): \(text.text)"))
      }
      try data.store(conditioner.encode(tokens), for: text)
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
      let requests = Set(run.samples.map { $0.batchShape(unet) })
      try unetPlans.add(Array(requests), to: &use)
      let decoder = try decoderPlans.memory(Array(Set(run.samples.map(\.latentShape))))
      use.variables += decoder.total
      phases.append(("training with pictures", use))
    }
    return MemoryPlan(phases: phases)
  }

  private func trainingMemory() throws -> MemoryUse {
    guard let first = data.batchShapes.first else { return MemoryUse() }
    let parameters = Trainer.parameters(first, denoiser)
    var use = MemoryUse(runsInFlight: Trainer.runsInFlight(accumulation: run.accumulation))
    let lossScaling = run.settings.lossScaling
    try use.add(
      Trainer.variables(parameters, run.settings.optimizer, lossScaling: lossScaling), backend)
    let modes: [MicroStep.Gradients] = run.accumulation > 1 ? [.replace, .add] : [.replace]
    for shape in data.batchShapes {
      for mode in modes {
        let graph = MicroStep.graph(
          shape, loss: run.settings.loss, noise: .shaped(run.settings.noise), gradients: mode,
          scalesLoss: lossScaling != nil, denoiser: denoiser)
        use.add(try backend.plan(graph), backend)
      }
    }
    let update = UpdateStep.graph(
      parameters.filter(\.isTrained), optimizer: run.settings.optimizer,
      maximumNorm: run.settings.maximumNorm, lossScaling: lossScaling)
    use.add(try backend.plan(update), backend)
    return use
  }
}
