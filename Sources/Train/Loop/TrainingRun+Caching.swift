import Data
import Graph
import Model

extension TrainingRun {
  /// Captions of the data, and prompts of the pictures to draw.
  private var allTexts: [EncodedText] {
    let prompts = Set(run.samples.flatMap { [$0.prompt, $0.negative] })
    let captions = data.captions
    let heldOut = (heldOut?.captions ?? []).filter { !captions.contains($0) }
    return captions + heldOut + prompts.sorted().map { .prompt($0) }
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
  func memoryPlan(
    _ planner: StepPlanner, _ text: NetworkPlans<TextConditioner>?
  ) throws -> MemoryPlan {
    var phases: [(name: String, use: MemoryUse)] = []
    if let text { phases.append(("text encoders", try text.memory([1]))) }
    var training = try planner.memory(data.batchShapes)
    try addValidation(to: &training)
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

  /// Plans of the steps, within the budget.
  /// - Throws: `InputError` when there are no images, or the budget cannot be met.
  func stepPlanner() throws -> StepPlanner {
    let shapes = data.batchShapes
    guard !shapes.isEmpty else {
      throw InputError("data.folder", expected: "at least one image", found: "none")
    }
    return try StepPlanner.suited(
      backend, settings: run.settings, policy: run.memory, shapes: shapes,
      accumulation: run.accumulation, denoiser: denoiser)
  }

  /// Tells what steps compute twice, where they do.
  func tellRecomputation(_ planner: StepPlanner) throws {
    for shape in data.batchShapes {
      for role in planner.roles {
        let step = try planner.plan(shape, role)
        if step.recomputation.isEmpty { continue }
        tell(
          .recomputing(
            height: shape.height * 8, width: shape.width * 8, step.recomputation,
            flopCount: step.plan.flopCount))
      }
    }
  }
}
