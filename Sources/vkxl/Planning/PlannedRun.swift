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
  let unet: UNetConfiguration
  /// Largest first.
  let buckets: [Bucket]
  /// Bytes that training may take.
  let budget: Int
  private let planner = VulkanPlanner()

  init(
    _ configuration: Configuration, unet: UNetConfiguration, buckets: [Bucket], budget: Int
  ) {
    self.configuration = configuration
    self.unet = unet
    self.buckets = buckets
    self.budget = budget
  }

  /// - Throws: `InputError` when the budget cannot be met.
  func report() throws -> PlanReport {
    var report = PlanReport(
      configuration: configuration.source.file, budgetBytes: budget,
      accumulation: accumulation, buckets: [], ways: [])
    var largest: [[Int]: Int] = [:]  // by sides, whichever is longer
    for bucket in buckets {
      let shape = shape(bucket)
      let steps = try stepPlanner(shape, configuration.memory.gradients.policy)
      var plan = try BucketPlan(steps, shape)
      let sides = [bucket.width, bucket.height].sorted()
      let found =
        largest[sides] ?? largestBatch(shape, guess: largest.values.first)
      largest[sides] = found
      plan.largestBatch = found
      report.buckets.append(plan)
    }
    if let first = buckets.first { report.ways = ways(shape(first)) }
    return report
  }

  /// Memory over the step of the first bucket.
  func chart() throws -> StackedChart {
    let shape = shape(buckets[0])
    let steps = try stepPlanner(shape, configuration.memory.gradients.policy)
    let memory = try PlannedMemory(steps, shape)
    let plans = try steps.roles.map { try steps.plan(shape, $0).plan }
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

  /// What `model.precision` means on a GPU without matrix units for bf16.
  private var storage: UNetStorage {
    switch configuration.model.precision {
    case .f32: .f32
    case .bf16: UNetStorage(.bf16)
    case .f16, .auto: UNetStorage(.f16)
    }
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
    _ shape: BatchShape, _ gradients: GradientPolicy?
  ) throws -> StepPlanner {
    // The length of the run decides no memory.
    try StepPlanner.suited(
      planner,
      settings: configuration.trainerSettings(
        steps: configuration.training.maxSteps ?? 1, storage: storage),
      policy: MemoryPolicy(budgetByteCount: budget, gradients: gradients),
      shapes: [shape], accumulation: accumulation,
      denoiser: UNetRunner.denoiser(unet, storage: storage))
  }

  private func largestBatch(_ shape: BatchShape, guess: Int?) -> Int {
    LargestBatch { samples in
      var larger = shape
      larger.samples = samples
      let steps = try stepPlanner(larger, configuration.memory.gradients.policy)
      _ = try steps.plans(larger)
    }.find(from: shape.samples, guess: guess)
  }

  /// What each way to treat gradients would take, within the budget where it can, else without.
  private func ways(_ shape: BatchShape) -> [PlannedWay] {
    GradientPolicy.allCases.map { gradients in
      do {
        let steps = try stepPlanner(shape, gradients)
        return PlannedWay(
          gradients: gradients.rawValue, plan: try BucketPlan(steps, shape), problem: nil)
      } catch {
        let problem = (error as? InputError).map { "needs \($0.expected)" } ?? "\(error)"
        return PlannedWay(gradients: gradients.rawValue, plan: nil, problem: problem)
      }
    }
  }
}

/// One way to treat gradients.
struct PlannedWay: Encodable {
  var gradients: String
  var plan: BucketPlan?
  /// Why there is no plan.
  var problem: String?
}
