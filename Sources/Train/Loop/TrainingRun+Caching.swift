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
    try data.encode(
      missing, backend, plans, weights: parts.textWeights, shouldStop: shouldStop, tell: tell)
  }

  /// What is computed beside the steps.
  func runNetworks() -> RunNetworks {
    RunNetworks(
      backend, unet: unetPlans, decoder: decoderPlans, denoiser: denoiser,
      budgetByteCount: run.memory.budgetByteCount)
  }

  private var pictures: [RunNetworks.Picture] {
    run.samples.map { ($0.batchShape(unet), $0.latentShape) }
  }

  /// Device memory of the run's phases, planned before anything is allocated, and how pictures are
  /// decoded.
  /// - Parameter text: plans of the text encoders, if they have work to do.
  /// - Throws: `InputError` when pictures do not fit the budget.
  func memoryPlan(
    _ planner: StepPlanner, _ networks: RunNetworks, _ text: NetworkPlans<TextConditioner>?
  ) throws -> (plan: MemoryPlan, decoding: DecodingPieces) {
    let (phases, decoding) = try networks.phases(
      training: planner.memory(data.batchShapes), heldOut: heldOut?.batchShapes ?? [],
      pictures: pictures)
    var all: [(name: String, use: MemoryUse)] = []
    if let text { all.append(("text encoders", try text.memory([1]))) }
    return (MemoryPlan(phases: all + phases), decoding)
  }

  /// Plans training as it will be planned again when it begins, and reads the weights through: for
  /// whoever has long work to do before.
  /// - Throws: `InputError` when the budget or the way to treat gradients cannot be met, or weights cannot
  ///   be computed with.
  public func checkBeforehand() throws {
    let networks = runNetworks()
    let planner = try stepPlanner(networks)
    _ = try memoryPlan(planner, networks, nil)
    try parts.weights.check(planner.parameters)
  }

  /// Plans of the steps, within the budget.
  /// - Throws: `InputError` when there are no images, or the budget cannot be met.
  func stepPlanner(_ networks: RunNetworks) throws -> StepPlanner {
    let shapes = data.batchShapes
    guard !shapes.isEmpty else {
      throw InputError("data.folder", expected: "at least one image", found: "none")
    }
    return try StepPlanner.suited(
      backend, settings: run.settings, policy: try memoryPolicy(), shapes: shapes,
      accumulation: run.accumulation,
      others: networks.plans(heldOut: heldOut?.batchShapes ?? [], pictures: pictures),
      denoiser: denoiser)
  }

  /// What is asked for; where that leaves the way to treat gradients open, a resumed run keeps the way
  /// that it began with, because ways sum the norm in different orders.
  private func memoryPolicy() throws -> MemoryPolicy {
    var policy = run.memory
    if policy.gradients == nil, run.isResuming, let step = run.folder.savedSteps.last {
      policy.gradients = try SavedState(run.folder.statePath(step: step)).gradients
    }
    return policy
  }

  /// Tells what keeping to the budget costs: what steps compute twice, and a first update that is not
  /// clipped.
  func tellCosts(_ planner: StepPlanner) throws {
    if planner.gradients == .lastNorm, run.settings.maximumNorm != nil, !run.isResuming,
      let shape = try data.batchShapes.first(where: { try planner.firstNormPlan($0) == nil })
    {
      tell(
        .warning(
          "the first update is not clipped if its batch is of \(shape.width * 8)x\(shape.height * 8) "
            + "pixels: a pass for its norm needs more memory than the updates"))
    }
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
