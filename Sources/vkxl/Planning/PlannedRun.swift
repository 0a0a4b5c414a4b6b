import Data
import Foundation
import Graph
import Model
import Shaders
import Train
import VKRuntime

/// A configured run as it is planned, without a device.
struct PlannedRun {
  let configuration: Configuration
  /// UNet and VAE.
  let model: SDXLConfiguration
  /// Text encoders; nil where they cannot be told.
  let textModel: SDXLConfiguration?
  /// Largest first.
  let buckets: [Bucket]
  /// Those of held-out pictures.
  let heldOut: [Bucket]
  /// Bytes that training may take.
  let budget: Int
  /// Bytes that the device has.
  let deviceByteCount: Int
  /// What the device's matrix units multiply.
  let matrixUnits: MatrixUnits
  private let planner: VulkanPlanner

  init(
    _ configuration: Configuration, model: SDXLConfiguration, textModel: SDXLConfiguration?,
    buckets: [Bucket], heldOut: [Bucket], budget: Int, deviceByteCount: Int,
    matrixUnits: MatrixUnits, sharesHostMemory: Bool
  ) {
    self.configuration = configuration
    self.model = model
    self.textModel = textModel
    self.buckets = buckets
    self.heldOut = heldOut
    self.budget = budget
    self.deviceByteCount = deviceByteCount
    self.matrixUnits = matrixUnits
    planner = VulkanPlanner(sharesHostMemory: sharesHostMemory)
  }

  private var unet: UNetConfiguration { model.unet }

  /// - Parameter progress: told what is done next; it takes seconds a bucket
  /// - Returns: what is planned, and the planner of the steps
  /// - Throws: `InputError` when the budget cannot be met.
  func report(
    progress: (String) -> Void
  ) throws -> (report: PlanReport, steps: StepPlanner) {
    var report = PlanReport(
      configuration: configuration.source.file, budgetBytes: budget,
      accumulation: accumulation, storage: storage, phases: [], buckets: [], ways: [])
    let shapes = buckets.map(shape)
    let networks = try runNetworks()
    let others = try networks.plans(heldOut: heldOut.map(shape), pictures: pictures())
    progress("planning steps of \(shapes.count) bucket\(shapes.count == 1 ? "" : "s")")
    let steps = try stepPlanner(shapes, configuration.memory.gradients.policy, others)
    report.phases = try phases(networks, training: try steps.memory(shapes))
    var largest: [[Int]: Int] = [:]  // by sides, whichever is longer
    for (bucket, shape) in zip(buckets, shapes) {
      progress("searching the largest batch of \(bucket)")
      var plan = try BucketPlan(steps, shape)
      let sides = [bucket.width, bucket.height].sorted()
      let found =
        try largest[sides] ?? largestBatch(bucket, networks, guess: largest.values.first)
      largest[sides] = found
      plan.largestBatch = found
      report.buckets.append(plan)
    }
    progress("comparing the ways to treat gradients")
    if let first = shapes.first { report.ways = ways(first, steps, others) }
    return (report, steps)
  }

  /// Device memory by phase, in the order of the run.
  /// - Parameter training: memory of the steps, whatever the bucket
  /// - Throws: `InputError` when the budget does not hold the pictures, or the device not what fills the
  ///   caches.
  private func phases(
    _ networks: RunNetworks, training: MemoryUse
  ) throws -> [PlannedPhase] {
    var phases: [(name: String, use: MemoryUse)] = []
    if let vae = model.vae {
      let frames = Set(buckets + heldOut).map {
        FrameShape(samples: 1, height: $0.height, width: $0.width)
      }
      phases.append(
        ("image encoding", try NetworkPlans<LatentEncoder>(planner, vae).memory(frames)))
    }
    if let textModel {
      phases.append(
        ("text encoders", try NetworkPlans<TextConditioner>(planner, textModel).memory([1])))
    }
    try MemoryPlan(phases: phases).check(available: deviceByteCount)
    phases += try networks.phases(
      training: training, heldOut: heldOut.map(shape), pictures: pictures()
    ).phases
    return phases.map { PlannedPhase(name: $0.name, bytes: $0.use.total) }
  }

  private func runNetworks() throws -> RunNetworks {
    RunNetworks(
      planner, unet: try NetworkPlans(planner, unet.stored(storage)),
      decoder: try model.vae.map { try NetworkPlans(planner, $0) },
      denoiser: UNetRunner.denoiser(unet, storage: storage), budgetByteCount: budget)
  }

  private func pictures() throws -> [RunNetworks.Picture] {
    try configuration.placedSamples().map {
      ($0.sample.batchShape(unet), $0.sample.latentShape)
    }
  }

  /// Memory over the step of the first bucket.
  func chart(_ steps: StepPlanner) throws -> StackedChart {
    let shape = shape(buckets[0])
    let memory = try PlannedMemory(steps, shape)
    let plans =
      try steps.roles.map { try steps.plan(shape, $0).plan }
      + [steps.updatePlan()].compactMap { $0 }
    let timelines = plans.map { MemoryTimeline($0, limits: planner.planningLimits).byteCounts }
    let counts = timelines.flatMap(\.self)
    let gibibytes = { (byteCount: Int) in Double(byteCount) / 0x1p30 }
    let fixed = [
      ("parameters", memory.parameters), ("optimizer state", memory.optimizerState),
      ("kept gradients", memory.keptGradients),
      ("transfers, gaps", memory.stepBlocks + memory.staging + memory.gaps),
    ].map { ($0.0, [Double](repeating: gibibytes($0.1), count: counts.count)) }
    let names = ["activations", "computed again", "gradients", "workspace"]
    let moving = names.enumerated().map { index, name in
      (name, counts.map { gibibytes($0[index]) })
    }
    let shown = (fixed + moving).filter { $0.1.contains { $0 > 0 } }
    let colours = Colour.series + [.grey, .lightGrey]
    let sides = "\(8 * shape.width)x\(8 * shape.height)"
    return StackedChart(
      title: "Device memory over a step: \(sides) pixels, batch \(shape.samples)",
      subtitle: "gradients \(steps.gradients.rawValue), "
        + "peak \(readableByteCount(UInt64(memory.peak)))",
      xTitle: "operations of the step, in order", yTitle: "GiB",
      areas: shown.enumerated().map {
        StackedChart.Area($1.0, $1.1, colour: colours[$0 % colours.count])
      }, limit: budget < 2 * memory.peak ? ("budget", gibibytes(budget)) : nil)
  }

  private var storage: UNetStorage {
    configuration.model.precision.storage(multiplying: matrixUnits.operands)
  }

  private var accumulation: Int { configuration.training.gradientAccumulation }

  private func shape(_ bucket: Bucket) -> BatchShape {
    BatchShape(
      samples: configuration.training.batchSize, height: bucket.height / 8,
      width: bucket.width / 8, channels: unet.inputChannels,
      tokens: 77 * configuration.data.maxCaptionChunks, contextWidth: unet.contextWidth,
      pooledWidth: unet.pooledWidth)
  }

  private func stepPlanner(
    _ shapes: [BatchShape], _ gradients: GradientPolicy?, _ others: [Plan] = []
  ) throws -> StepPlanner {
    // The length of the run decides no memory.
    try StepPlanner.suited(
      planner,
      settings: configuration.trainerSettings(
        steps: configuration.training.maxSteps ?? 1, storage: storage),
      policy: MemoryPolicy(budgetByteCount: budget, gradients: gradients),
      shapes: shapes, accumulation: accumulation, others: others,
      denoiser: UNetRunner.denoiser(unet, storage: storage))
  }

  /// Of a run on this bucket alone, with held-out pictures of its size or less in batches as large, and
  /// pictures.
  private func largestBatch(
    _ bucket: Bucket, _ networks: RunNetworks, guess: Int?
  ) throws -> Int {
    let held = heldOut.filter { $0.width * $0.height <= bucket.width * bucket.height }
    let pictures = try pictures()
    return try LargestBatch { samples in
      func batch(_ bucket: Bucket) -> BatchShape {
        var shape = shape(bucket)
        shape.samples = samples
        return shape
      }
      let (larger, measured) = (batch(bucket), held.map(batch))
      let others = try networks.plans(heldOut: measured, pictures: pictures)
      let steps = try stepPlanner([larger], configuration.memory.gradients.policy, others)
      _ = try networks.phases(
        training: try steps.memory([larger]), heldOut: measured, pictures: pictures)
    }.find(from: configuration.training.batchSize, guess: guess)
  }

  /// What each way to treat gradients would take within the budget, or why it cannot be.
  private func ways(
    _ shape: BatchShape, _ planned: StepPlanner, _ others: [Plan]
  ) -> [PlannedWay] {
    GradientPolicy.allCases.map { gradients in
      do {
        let steps =
          gradients == planned.gradients ? planned : try stepPlanner([shape], gradients, others)
        return PlannedWay(
          gradients: gradients.rawValue, plan: try BucketPlan(steps, shape), problem: nil)
      } catch {
        let problem = (error as? InputError).map { "needs \($0.expected)" } ?? "\(error)"
        return PlannedWay(gradients: gradients.rawValue, plan: nil, problem: problem)
      }
    }
  }
}

/// What the matrix units of a planned device multiply: it decides what is stored, and whether gradients
/// need a loss scale.
enum MatrixUnits: String, CaseIterable {
  /// And f16.
  case bf16
  case f16
  /// There are no such units.
  case none

  var operands: Set<MatrixElement> {
    switch self {
    case .bf16: [.f16, .bf16]
    case .f16: [.f16]
    case .none: []
    }
  }
}

/// What is on the device at one time of the run.
struct PlannedPhase: Encodable {
  var name: String
  var bytes: Int
}

/// One way to treat gradients.
struct PlannedWay: Encodable {
  var gradients: String
  var plan: BucketPlan?
  /// Why there is no plan.
  var problem: String?
}
