import Graph

/// What a run computes beside its steps, on the weights that are trained and on the VAE's: the memory of
/// it is planned before anything is allocated, and stays within the budget.
public final class RunNetworks {
  /// A picture to draw: the UNet's batch, and its latents.
  public typealias Picture = (batch: BatchShape, frame: FrameShape)

  private let planner: any Planner
  private let unet: NetworkPlans<UNetRunner>
  private let decoder: NetworkPlans<LatentDecoder>?
  private let denoiser: Denoiser
  private let budgetByteCount: Int?
  private var validations: [BatchShape: Plan] = [:]

  /// - Parameters:
  ///   - unet: as it is trained, for pictures
  ///   - decoder: nil: no pictures are drawn
  ///   - denoiser: as it is trained
  ///   - budgetByteCount: nil for no limit
  public init(
    _ planner: any Planner, unet: NetworkPlans<UNetRunner>,
    decoder: NetworkPlans<LatentDecoder>?, denoiser: @escaping Denoiser, budgetByteCount: Int?
  ) {
    self.planner = planner
    self.unet = unet
    self.decoder = decoder
    self.denoiser = denoiser
    self.budgetByteCount = budgetByteCount
  }

  /// What runs in the trainer's store beside its steps: the budget holds what passes between it and the
  /// host too.
  public func plans(heldOut: [BatchShape], pictures: [Picture]) throws -> [Plan] {
    let drawn = decoder == nil ? [] : Array(Set(pictures.map(\.batch)))
    return try heldOut.map(validationPlan) + drawn.map(unet.plan)
  }

  private func validationPlan(_ shape: BatchShape) throws -> Plan {
    if let plan = validations[shape] { return plan }
    let plan = try planner.plan(Validation.graph(shape, denoiser))
    validations[shape] = plan
    return plan
  }

  /// Device memory while the trained weights are there, by phase, and how pictures are decoded.
  ///
  /// Steps, held-out samples and pictures' latents take turns in one transient memory. While pictures are
  /// decoded it is free, and the decoder takes its place, in pieces if it must.
  /// - Parameters:
  ///   - training: memory of the steps
  ///   - heldOut: batches of held-out samples
  ///   - pictures: to draw
  /// - Throws: `InputError` when the budget does not hold them.
  public func phases(
    training: MemoryUse, heldOut: [BatchShape], pictures: [Picture]
  ) throws -> (phases: [(name: String, use: MemoryUse)], decoding: DecodingPieces) {
    var training = training
    for shape in heldOut { training.add(try validationPlan(shape), planner) }
    try check(training, "to measure the held-out pictures", hint: "a smaller batch needs less")
    guard let decoder, !pictures.isEmpty else { return ([("training", training)], .whole) }
    var drawing = training
    try unet.add(Array(Set(pictures.map(\.batch))), to: &drawing)
    try check(drawing, "to draw the pictures", hint: Self.hint)
    let rest = drawing.total - drawing.transient
    let frames = Array(Set(pictures.map(\.frame)))
    let decoding = try pieces(of: frames, decoder, limit: budgetByteCount.map { $0 - rest })
    var use = try decoder.memory(Array(Set(frames.map(decoding.piece))))
    use.variables += rest
    try check(use, "to decode the pictures", hint: Self.hint)
    let title = decoding.side.map { " in pieces of \(8 * $0)x\(8 * $0)" } ?? ""
    return (
      [("training with pictures", drawing), ("decoding pictures\(title)", use)], decoding
    )
  }

  /// The largest pieces that fit, or the smallest there are.
  private func pieces(
    of frames: [FrameShape], _ decoder: NetworkPlans<LatentDecoder>, limit: Int?
  ) throws -> DecodingPieces {
    guard let limit else { return .whole }
    let longest = frames.map { max($0.height, $0.width) }.max() ?? 0
    let smaller = DecodingPieces.sides.filter { $0 < longest }.map { DecodingPieces(side: $0) }
    for pieces in [.whole] + smaller {
      let use = try? decoder.memory(Array(Set(frames.map(pieces.piece))))
      if let use, use.total <= limit { return pieces }
    }
    return smaller.last ?? .whole
  }

  private static let hint =
    "smaller pictures need less; `output.sample_every: 0` with `output.grid: false` draws none"

  private func check(_ use: MemoryUse, _ what: String, hint: String) throws {
    guard let budgetByteCount, use.total > budgetByteCount else { return }
    throw InputError(
      "memory.budget", expected: "at least \(StepPlanner.mebibytes(use.total)) \(what)",
      found: StepPlanner.mebibytes(budgetByteCount), hint: hint)
  }
}
