import Graph
import Train
import VKRuntime

/// Device memory of training on batches of one shape, as planned to the byte: what fills it when most
/// is in use.
struct PlannedMemory: Encodable {
  /// Weights.
  private(set) var parameters = 0
  /// Moments and counters.
  private(set) var optimizerState = 0
  /// Gradients that stay until an update of their own.
  private(set) var keptGradients = 0
  /// Results of the forward pass, at the step with most in use.
  private(set) var activations = 0
  /// Those computed again, at that step.
  private(set) var recomputed = 0
  /// Results of the backward pass, at that step.
  private(set) var gradients = 0
  /// Scratch memory of kernels, at that step.
  private(set) var workspace = 0
  /// Between tensors that are in use, because their places are fixed beforehand.
  private(set) var fragmentation = 0
  /// Inputs and outputs of the runs in flight.
  private(set) var stepBlocks = 0
  /// The way to variables that the host cannot reach.
  private(set) var staging = 0
  /// What stays empty at the ends of arenas, because no tensor spans two.
  private(set) var gaps = 0
  /// No plan of this order of operations can need less.
  private(set) var lowerBound = 0

  /// All of it: the step's peak.
  var peak: Int { parts.reduce(0) { $0 + $1.byteCount } }

  /// By what it is for.
  var parts: [(name: String, byteCount: Int)] {
    [
      ("parameters", parameters), ("optimizer state", optimizerState),
      ("kept gradients", keptGradients), ("activations", activations),
      ("computed again", recomputed), ("gradients in flight", gradients),
      ("workspace", workspace), ("between tensors", fragmentation), ("step blocks", stepBlocks),
      ("staging", staging), ("gaps between arenas", gaps),
    ]
  }

  /// - Throws: `InputError` when the planner's budget cannot be met.
  init(_ planner: StepPlanner, _ shape: BatchShape) throws {
    let limits = planner.planner.planningLimits
    let use = try planner.memory([shape])
    countVariables(planner, limits)
    gaps = use.variables - (parameters + keptGradients + optimizerState)
    staging = use.staging
    stepBlocks = use.stepBlocks - use.staging
    var plans = try planner.roles.map { try planner.plan(shape, $0).plan }
    if let update = try planner.updatePlan() { plans.append(update) }
    guard let largest = plans.max(by: { $0.transientByteCount < $1.transientByteCount }) else {
      return
    }
    let timeline = MemoryTimeline(largest, limits: limits)
    let live = timeline.byteCounts.isEmpty ? [0, 0, 0, 0] : timeline.byteCounts[timeline.peak]
    (activations, recomputed, gradients, workspace) = (live[0], live[1], live[2], live[3])
    fragmentation = largest.transientByteCount - live.reduce(0, +)
    lowerBound =
      peak - largest.transientByteCount + (plans.map(\.lowerBound).max() ?? 0) - gaps
  }

  private mutating func countVariables(_ planner: StepPlanner, _ limits: PlanningLimits) {
    let kept = Set(planner.keptGradients.map(\.name))
    for variable in planner.variables {
      let byteCount = limits.rounded(variable.type.byteCount)
      switch variable.kind {
      case .parameter: parameters += byteCount
      case .state where kept.contains(variable.name): keptGradients += byteCount
      case .state: optimizerState += byteCount
      }
    }
  }

  /// A row for each kind of memory.
  var table: String {
    var table = TextTable(columns: ["memory", "bytes", "", "share"])
    for (name, byteCount) in parts + [("peak", peak)] {
      table.add([
        name, String(byteCount), readableByteCount(UInt64(byteCount)),
        Figures.percent(Double(byteCount) / Double(peak)),
      ])
    }
    return table.text
  }

  private enum CodingKeys: CodingKey {
    case parameters, optimizerState, keptGradients, activations, recomputed, gradients, workspace
    case fragmentation, stepBlocks, staging, gaps, lowerBound, peak
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    let keys: [CodingKeys] = [
      .parameters, .optimizerState, .keptGradients, .activations, .recomputed, .gradients,
      .workspace, .fragmentation, .stepBlocks, .staging, .gaps,
    ]
    for (key, part) in zip(keys, parts) { try container.encode(part.byteCount, forKey: key) }
    try container.encode(lowerBound, forKey: .lowerBound)
    try container.encode(peak, forKey: .peak)
  }
}
