import Graph

/// Latents and conditioning of some samples of one bucket.
public struct LatentBatch: Sendable {
  /// Sizes of the batch.
  public var shape: BatchShape
  /// Scaled latents, [N, H, W, 4].
  public var latents: [Float]
  /// [N, T, C].
  public var context: [Float]
  /// [N, P].
  public var pooled: [Float]
  /// Original height, width, crop top, crop left, target height, width: [N, 6].
  public var timeIDs: [Float]
  /// 1 for samples, 0 for those that only fill the batch up: [N].
  public var weights: [Float]
  /// What samples count in the loss beside others, 1 on average over the data set: [N].
  public var lossWeights: [Float]

  /// - Parameter lossWeights: nil: all count the same
  public init(
    shape: BatchShape, latents: [Float], context: [Float], pooled: [Float], timeIDs: [Float],
    weights: [Float], lossWeights: [Float]? = nil
  ) {
    self.lossWeights = lossWeights ?? [Float](repeating: 1, count: shape.samples)
    self.shape = shape
    self.latents = latents
    self.context = context
    self.pooled = pooled
    self.timeIDs = timeIDs
    self.weights = weights
  }

  /// Area in pixels, for the resolution-dependent shift.
  public var pixels: Int { shape.height * shape.width * 64 }

  /// What a step over the batch is given, besides its noise.
  /// - Parameters:
  ///   - draws: time and coefficients of each sample
  ///   - weights: of each sample's loss
  public func inputs(at draws: [Objective.Draw], weights: [Float]) -> [String: TensorData] {
    let n = shape.samples
    precondition(draws.count == n && weights.count == n)
    return [
      "latents": TensorData(shape.latents, latents),
      "context": TensorData([n, shape.tokens, shape.contextWidth], context),
      "pooled": TensorData([n, shape.pooledWidth], pooled),
      "time_ids": TensorData([n, 6], timeIDs),
      "time": TensorData([n], draws.map(\.networkTime)),
      "noisy.coefficients": TensorData([n, 2], draws.flatMap { [$0.noisy.0, $0.noisy.1] }),
      "target.coefficients": TensorData([n, 2], draws.flatMap { [$0.target.0, $0.target.1] }),
      "weight": TensorData([n], weights),
    ]
  }
}

/// What decides an update, besides the data.
public struct TrainerSettings: Sendable {
  /// What the network learns to predict, and at which times.
  public var objective: Objective
  /// Distance of prediction and target.
  public var loss: LossKind
  /// The update rule with its settings.
  public var optimizer: OptimizerSettings
  /// Learning rate by step.
  public var schedule: LearningRateSchedule
  /// Largest global norm of the gradients; nil clips nothing.
  public var maximumNorm: Double?
  /// Seed of noise and times.
  public var seed: UInt64
  /// How the UNet is stored; the trainer's denoiser must be stored so.
  public var storage: UNetStorage
  /// How the noise differs from white noise.
  public var noise: NoiseOptions
  /// Whether noise goes to the nearest sample of its batch, see `TransportPairing`.
  public var pairsByTransport: Bool
  /// Keeps gradients within f16; nil where they are stored in more range.
  public var lossScaling: LossScaling?

  public init(
    objective: Objective, loss: LossKind = .mse,
    optimizer: OptimizerSettings = OptimizerSettings(), schedule: LearningRateSchedule,
    maximumNorm: Double?, seed: UInt64, storage: UNetStorage = .f32,
    noise: NoiseOptions = NoiseOptions(), pairsByTransport: Bool = false
  ) {
    self.noise = noise
    self.pairsByTransport = pairsByTransport
    self.objective = objective
    self.loss = loss
    self.optimizer = optimizer
    self.schedule = schedule
    self.maximumNorm = maximumNorm
    self.seed = seed
    self.storage = storage
    lossScaling = storage.scalesLoss ? LossScaling() : nil
  }
}

/// What one update measured.
public struct Measurements: Sendable, Equatable {
  /// Mean loss over the update's samples.
  public var loss: Double
  /// Global norm of the gradients before clipping.
  public var gradientNorm: Double
  /// What the next update's gradients are computed times; nil without loss scaling.
  public var lossScale: Double?

  /// Gradients that were not finite: parameters and moments stayed as they were.
  public var isSkipped: Bool { !gradientNorm.isFinite }
}

/// Measurements of an update that may still be running.
public struct PendingMeasurements {
  fileprivate let first: any PendingRun
  /// Runs whose losses add up to the update's.
  fileprivate let losses: ArraySlice<any PendingRun>
  fileprivate let update: any PendingRun

  /// Waits for the device.
  public func wait() throws -> Measurements {
    var loss = 0.0
    for run in losses { loss += Double(try run.wait()["loss"]?.floats.first ?? .nan) }
    let outputs = try update.wait()
    let norm = outputs["gradient_norm"]?.floats.first ?? .nan
    return Measurements(
      loss: loss, gradientNorm: Double(norm),
      lossScale: outputs["loss_scale"]?.floats.first.map(Double.init))
  }

  /// When the device began and ended the update; nil before `wait`, or without a clock.
  public var deviceTimes: DeviceTimes? {
    guard let first = first.deviceTimes, let last = update.deviceTimes else { return nil }
    return DeviceTimes(start: first.start, end: last.end)
  }
}

/// Parameters, optimizer state and the plans that change them.
///
/// Plans are made when a shape first occurs, by a `StepPlanner`: one for each batch shape (two with
/// accumulation, or where a pass before tells the norm), and one for the update unless it is part of
/// the backward pass. Nothing in `step` waits for the device, as long as no more than one other
/// update is in flight.
public final class Trainer {
  /// What the run computes on.
  public let backend: any Backend
  /// Parameters, moments and gradients.
  public let store: any Store
  /// Makes the plans.
  public let planner: StepPlanner
  /// Updates submitted so far, skipped ones included.
  public private(set) var step = 0
  private let update: (any Program)?
  private var programs: [BatchShape: [StepRole: any Program]] = [:]

  /// What decides an update.
  public var settings: TrainerSettings { planner.settings }
  /// The network's parameters, in the order in which it declares them.
  public var parameters: [Variable] { planner.parameters }

  /// Allocates everything that persists, all zero.
  public init(backend: any Backend, planner: StepPlanner) throws {
    self.backend = backend
    self.planner = planner
    store = try backend.makeStore(
      planner.variables, runsInFlight: Self.runsInFlight(accumulation: planner.accumulation))
    update = try planner.updatePlan().map(store.load)
    for (variable, initial) in planner.settings.optimizer.rule.sharedStates {
      try store.write(TensorData(variable.type, floats: initial), to: variable.name)
    }
    for (variable, initial) in planner.settings.lossScaling?.states ?? [] {
      try store.write(TensorData(variable.type, floats: [initial]), to: variable.name)
    }
  }

  /// - Parameters:
  ///   - shape: a batch shape of the run, with which the network is built first.
  ///   - accumulation: batches of an update; with more, `step` waits.
  public convenience init(
    backend: any Backend, settings: TrainerSettings, shape: BatchShape, accumulation: Int = 1,
    memory: MemoryPolicy = MemoryPolicy(), denoiser: @escaping Denoiser
  ) throws {
    let planner = try StepPlanner.suited(
      backend, settings: settings, policy: memory, shapes: [shape], accumulation: accumulation,
      denoiser: denoiser)
    try self.init(backend: backend, planner: planner)
  }

  /// Runs of two updates: one executes while the host prepares the next.
  public static func runsInFlight(accumulation: Int) -> Int { 2 * (accumulation + 1) }

  /// The parameters that a network declares.
  public static func parameters(_ shape: BatchShape, _ denoiser: Denoiser) -> [Variable] {
    MicroStep.graph(shape, gradients: .none, denoiser: denoiser).variables
  }

  /// Updates of the run that were skipped because their gradients were not finite. Waits for those
  /// that are in flight.
  public func skippedStepCount() throws -> Int {
    step - Int(try store.read(StateName.step).floats[0])
  }

  /// Makes the plans for a batch shape ready.
  /// - Parameter accumulates: whether further batches are added, also where none were planned for
  public func prepare(_ shape: BatchShape, accumulates: Bool = false) throws {
    for role in planner.roles { _ = try program(shape, role) }
    if accumulates { _ = try program(shape, .next) }
  }

  /// Kernel launches of an update over one batch of a shape that has been prepared.
  public func launchCount(_ shape: BatchShape) throws -> Int {
    let roles = planner.roles.filter { $0 != .next }
    return try roles.reduce(update?.launchCount ?? 0) {
      $0 + (try program(shape, $1).launchCount)
    }
  }

  /// Continues at an update of a saved run.
  public func resume(at step: Int) { self.step = step }

  /// One update over one or more batches.
  ///
  /// Each sample counts the same, in whichever batch it is; fillers count nothing. Where updates are
  /// clipped by the norm of the one before, the first waits for its own.
  public func step(_ batches: [LatentBatch]) throws -> PendingMeasurements {
    if step == 0 { try measureFirstNorm(batches) }
    let runs = try runs(batches).map { try $0.program.submit($0.inputs) }
    step += 1
    return PendingMeasurements(
      first: runs[0], losses: update == nil ? runs.suffix(1) : runs.dropLast(),
      update: runs[runs.count - 1])
  }

  /// The runs that make up the next update, in order, the last one the optimizer's: for `step`, and
  /// for whoever times them one by one.
  public func runs(
    _ batches: [LatentBatch]
  ) throws -> [(program: any Program, inputs: [String: TensorData])] {
    let samples = batches.reduce(0) { $0 + $1.weights.reduce(0, +) }
    precondition(samples > 0, "an update without samples")
    precondition(
      batches.count == 1 || update != nil, "an update of several batches keeps its gradients")
    let rate = ["learning_rate": TensorData([1], [Float(settings.schedule.rate(at: step))])]
    var position = 0
    var runs: [(program: any Program, inputs: [String: TensorData])] = []
    for (index, batch) in batches.enumerated() {
      let inputs = inputs(batch, first: position, samples: samples)
      for role in update == nil ? planner.roles : [index == 0 ? .first : .next] {
        runs.append(
          (try program(batch.shape, role), role == .updating ? inputs.merging(rate) { $1 } : inputs)
        )
      }
      position += batch.shape.samples
    }
    return runs + (update.map { [($0, rate)] } ?? [])
  }

  /// A backward pass for the norm alone, whose plan is needed once.
  private func measureFirstNorm(_ batches: [LatentBatch]) throws {
    guard let batch = batches.first, let plan = try planner.firstNormPlan(batch.shape) else {
      return
    }
    let samples = batch.weights.reduce(0, +)
    _ = try store.load(plan).run(inputs(batch, first: 0, samples: samples))
  }

  private func program(_ shape: BatchShape, _ role: StepRole) throws -> any Program {
    if let program = programs[shape]?[role] { return program }
    let program = try store.load(planner.plan(shape, role).plan)
    programs[shape, default: [:]][role] = program
    return program
  }

  /// The step block of one batch; `first` is its first sample's position in the update.
  private func inputs(
    _ batch: LatentBatch, first: Int, samples: Float
  ) -> [String: TensorData] {
    StepInputs(settings: settings, step: step).values(batch, first: first, samples: samples)
  }
}
