import Graph
import Train
import VKRuntime

/// Device memory of a training step, as planned to the byte.
struct PlannedMemory: Encodable {
  /// Weights.
  private(set) var parameters = 0
  private(set) var gradients = 0
  /// Moments and counters.
  private(set) var optimizerState = 0
  /// The largest plan's tensors between its inputs and its outputs, and scratch memory.
  private(set) var activations = 0
  /// Inputs and outputs of the runs in flight.
  private(set) var stepBlocks = 0
  /// The way to variables that the host cannot reach.
  private(set) var staging = 0
  /// What stays empty at the ends of arenas, because no tensor spans two.
  private(set) var gaps = 0
  /// No storage plan of the activations can need less.
  private(set) var activationsLowerBound = 0

  /// All of it: the step's peak.
  var total: Int {
    parameters + gradients + optimizerState + activations + stepBlocks + staging + gaps
  }

  init(_ benchmark: StepBenchmark) throws {
    let backend = benchmark.backend
    let limits = backend.planningLimits
    let variables = Trainer.variables(
      benchmark.parameters, benchmark.settings.optimizer,
      lossScaling: benchmark.settings.lossScaling)
    for variable in variables {
      let byteCount = limits.rounded(variable.type.byteCount)
      switch variable.kind {
      case .parameter: parameters += byteCount
      case .state where variable.name.hasPrefix(StateName.gradient("")): gradients += byteCount
      case .state: optimizerState += byteCount
      }
    }
    gaps =
      try VariableLayout(variables, limits: limits).byteCount
      - (parameters + gradients + optimizerState)
    staging = backend.stagingByteCount(variables)
    var demand = StoreDemand(runsInFlight: Trainer.runsInFlight(accumulation: 1))
    for graph in benchmark.graphs {
      let plan = try backend.plan(graph)
      demand.add(plan, limits: limits)
      activationsLowerBound = max(activationsLowerBound, plan.lowerBound)
    }
    activations = demand.transientByteCount
    stepBlocks = backend.stepBlockByteCount(demand)
  }

  /// A row for each kind of memory.
  var table: String {
    var table = TextTable(columns: ["memory", "bytes", "", "share"])
    let rows = [
      ("parameters", parameters), ("gradients", gradients), ("optimizer state", optimizerState),
      ("activations", activations), ("step blocks", stepBlocks), ("staging", staging),
      ("gaps between arenas", gaps), ("peak", total),
    ]
    for (name, byteCount) in rows {
      table.add([
        name, String(byteCount), readableByteCount(UInt64(byteCount)),
        Figures.percent(Double(byteCount) / Double(total)),
      ])
    }
    return table.text
  }

  private enum CodingKeys: CodingKey {
    case parameters, gradients, optimizerState, activations, stepBlocks, staging, gaps
    case activationsLowerBound, peak
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(parameters, forKey: .parameters)
    try container.encode(gradients, forKey: .gradients)
    try container.encode(optimizerState, forKey: .optimizerState)
    try container.encode(activations, forKey: .activations)
    try container.encode(stepBlocks, forKey: .stepBlocks)
    try container.encode(staging, forKey: .staging)
    try container.encode(gaps, forKey: .gaps)
    try container.encode(activationsLowerBound, forKey: .activationsLowerBound)
    try container.encode(total, forKey: .peak)
  }
}
