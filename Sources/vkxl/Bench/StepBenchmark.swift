import Foundation
import Graph
import Model
import Shaders
import Train

/// Times whole training steps of a model on noise.
struct StepBenchmark {
  let backend: VulkanBackend
  let model: BenchModel
  let settings: TrainerSettings
  /// Tells uses of an operation at different shapes apart.
  var separatesShapes = false

  /// What there is to measure of an operation in a step.
  struct OperationTime: Encodable, Sendable {
    var operation: String
    var launches = 0
    var seconds = 0.0
    var flop = 0
    /// Inputs and outputs, each counted once for each use.
    var bytes = 0
    var flopPerSecond: Double { Double(flop) / seconds }
  }

  /// What a step took.
  struct Results: Encodable, Sendable {
    /// From submission to the end, each step alone.
    var stepSeconds: [Double] = []
    var medianSeconds = 0.0
    /// Of the same steps by the device's clock.
    var deviceSeconds = 0.0
    /// Until the host has submitted a step.
    var hostSeconds = 0.0
    var flop = 0
    var launches = 0
    /// Of a launch that does nothing.
    var launchSeconds = 0.0
    /// One launch after another, by operation.
    var operations: [OperationTime] = []

    /// Of a step: empty launches, as many as it has, and the host's time to submit it.
    var launchShare: Double {
      (Double(launches) * launchSeconds + hostSeconds) / medianSeconds
    }
    var profiledSeconds: Double { operations.reduce(0) { $0 + $1.seconds } }
  }

  init(
    _ backend: VulkanBackend, _ model: BenchModel, _ prediction: PredictionType,
    _ optimizer: OptimizerType
  ) {
    self.backend = backend
    self.model = model
    settings = TrainerSettings(
      objective: Objective(
        prediction: prediction, schedule: NoiseSchedule(zeroTerminalSNR: false)),
      optimizer: optimizer.usualSettings,
      schedule: LearningRateSchedule(shape: .constant, rate: 1e-5, warmupSteps: 0, steps: 1000),
      maximumNorm: 1, seed: 0, storage: model.storage)
  }

  private static let warmupCount = 2

  /// The model's parameters.
  var parameters: [Variable] { Trainer.parameters(model.shape, model.denoiser) }

  /// What a step computes: forward, loss and backward; clipping and optimizer.
  var graphs: [Graph] {
    [
      MicroStep.graph(
        model.shape, loss: settings.loss, gradients: .replace,
        scalesLoss: settings.lossScaling != nil, denoiser: model.denoiser),
      UpdateStep.graph(
        parameters.filter(\.isTrained), optimizer: settings.optimizer,
        maximumNorm: settings.maximumNorm, lossScaling: settings.lossScaling),
    ]
  }

  /// - Parameters:
  ///   - steps: to measure, after two that warm up
  ///   - progress: told what goes on
  func run(steps: Int, progress: (String) -> Void) throws -> Results {
    progress("loading")
    let trainer = try trainer()
    let batch = model.batch
    var results = Results()
    results.launches = try trainer.launchCount(model.shape)
    var (host, device): ([Double], [Double]) = ([], [])
    for step in 0..<Self.warmupCount + steps {
      progress("step \(step + 1) of \(Self.warmupCount + steps)")
      let start = ContinuousClock.now
      let pending = try trainer.step([batch])
      let submitted = ContinuousClock.now
      _ = try pending.wait()
      guard step >= Self.warmupCount else { continue }
      results.stepSeconds.append((ContinuousClock.now - start) / .seconds(1))
      host.append((submitted - start) / .seconds(1))
      if let times = pending.deviceTimes { device.append(times.end - times.start) }
    }
    results.medianSeconds = Figures.median(results.stepSeconds)
    results.hostSeconds = Figures.median(host)
    results.deviceSeconds = Figures.median(device)
    progress("timing every launch")
    results.operations = try profile(trainer, batch)
    results.flop = results.operations.reduce(0) { $0 + $1.flop }
    results.launchSeconds = try backend.launchSeconds()
    return results
  }

  /// Plans of the step.
  func planner() throws -> StepPlanner {
    try StepPlanner(
      backend, settings: settings, gradients: .kept, budgetByteCount: nil, shapes: [model.shape],
      accumulation: 1, denoiser: model.denoiser)
  }

  /// A trainer with the model's weights, ready to step.
  func trainer() throws -> Trainer {
    let trainer = try Trainer(
      backend: backend, settings: settings, shape: model.shape, denoiser: model.denoiser)
    try model.load(trainer.parameters, into: trainer.store)
    try trainer.prepare(model.shape, accumulates: false)
    return trainer
  }

  /// One step more, launch by launch; operations with most time first.
  private func profile(_ trainer: Trainer, _ batch: LatentBatch) throws -> [OperationTime] {
    var totals: [String: OperationTime] = [:]
    for (program, inputs) in try trainer.runs([batch]) {
      guard let program = program as? VulkanProgram else { continue }
      var counted: Set<Int> = []
      for launch in try program.profile(inputs) {
        let name = name(launch, of: program.plan)
        var total = totals[name] ?? OperationTime(operation: name)
        total.launches += 1
        total.seconds += launch.nanoseconds * 1e-9
        if counted.insert(launch.step).inserted {
          let step = program.plan.steps[launch.step]
          total.flop += launch.operationFlopCount
          total.bytes += (step.inputs + step.outputs).reduce(0) { $0 + $1.type.byteCount }
        }
        totals[name] = total
      }
    }
    return totals.values.sorted { ($1.seconds, $0.operation) < ($0.seconds, $1.operation) }
  }

  /// The operation, with the shapes of its first inputs where those count.
  private func name(_ launch: LaunchProfile, of plan: Plan) -> String {
    guard separatesShapes else { return launch.operation }
    let step = plan.steps[launch.step]
    let shapes = (step.inputs.prefix(2) + step.outputs.prefix(1)).map { place in
      place.type.shape.map(String.init).joined(separator: "x")
    }
    return "\(launch.operation) \(shapes.joined(separator: " "))"
  }
}
