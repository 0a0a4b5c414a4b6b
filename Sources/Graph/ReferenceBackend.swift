/// The CPU evaluator: runs plans through each operation's meaning in Double.
///
/// It shares the planner with the devices, and it stores results rounded to their dtype unless
/// `exact`, so that it shows what storage alone does to a result.
public final class ReferenceBackend: Backend {
  public let description = "CPU reference (Double)"
  public let planningLimits = PlanningLimits()
  /// Keep Double between operations, whatever the dtype: for finite differences.
  public let exact: Bool

  public init(exact: Bool = true) { self.exact = exact }

  public func workspaceByteCount(
    _ operation: any Operation, inputs: [TensorType], outputs: [TensorType]
  ) -> Int { 0 }

  public func stagingByteCount(_ variables: [Variable]) -> Int { 0 }

  public func stepBlockByteCount(_ demand: StoreDemand) -> Int { 0 }

  public func makeStore(_ variables: [Variable]) -> any Store {
    ReferenceStore(variables, exact: exact)
  }

  public func makeStore(_ variables: [Variable], runsInFlight: Int) -> any Store {
    makeStore(variables)
  }
}

final class ReferenceStore: Store {
  let exact: Bool
  fileprivate var values: [String: HostTensor]
  fileprivate var transientByteCount = 0

  fileprivate init(_ variables: [Variable], exact: Bool) {
    self.exact = exact
    values = Dictionary(
      uniqueKeysWithValues: variables.map { ($0.name, HostTensor(zeros: $0.type)) })
  }

  var allocatedByteCount: Int {
    values.values.reduce(transientByteCount) { $0 + $1.type.byteCount }
  }

  func type(of variable: String) -> TensorType { value(variable).type }

  func write(
    to variable: String,
    fill: (_ bytes: Range<Int>, _ target: UnsafeMutableRawBufferPointer) throws -> Void
  ) throws {
    let type = type(of: variable)
    var bytes = [UInt8](repeating: 0, count: type.byteCount)
    try bytes.withUnsafeMutableBytes { try fill(0..<type.byteCount, $0) }
    values[variable] = TensorData(type, bytes: bytes).hostTensor
  }

  func read(
    _ variable: String, bytes: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    try value(variable).data.bytes.withUnsafeBytes {
      try body(UnsafeRawBufferPointer(rebasing: $0[bytes]))
    }
  }

  /// Memory of runs is not kept here.
  func releaseTransientMemory() {}

  private func value(_ variable: String) -> HostTensor {
    guard let value = values[variable] else { preconditionFailure("no variable \(variable)") }
    return value
  }

  func load(_ plan: Plan) -> any Program {
    transientByteCount = max(transientByteCount, plan.transientByteCount)
    return ReferenceProgram(plan: plan, store: self)
  }
}

private final class ReferenceProgram: Program {
  let plan: Plan
  let store: ReferenceStore
  var launchCount: Int { plan.steps.count }

  init(plan: Plan, store: ReferenceStore) {
    self.plan = plan
    self.store = store
  }

  func submit(_ inputs: [String: TensorData]) -> any PendingRun {
    // By place: a plan that overwrites what is still needed gives wrong results here too.
    var memory: [Plan.Location: HostTensor] = [:]
    for (index, input) in plan.inputs.enumerated() {
      guard let data = inputs[input.name], data.type == input.type else {
        preconditionFailure("input \(input.name) is not a \(input.type)")
      }
      memory[.input(index)] = data.hostTensor
    }
    for (index, variable) in plan.variables.enumerated() {
      memory[.variable(index)] = store.values[variable.name]
    }
    let read = { (placed: Plan.Placed) -> HostTensor in
      guard let value = memory[placed.location] else {
        preconditionFailure("\(placed) is read before it is written")
      }
      return HostTensor(placed.type, value.values)
    }
    for step in plan.steps {
      let results = step.operation.evaluate(
        step.inputs.map(read), outputs: step.outputs.map(\.type))
      for (placed, result) in zip(step.outputs, results) {
        memory[placed.location] = store.exact ? result : result.data.hostTensor
      }
    }
    for (index, variable) in plan.variables.enumerated() {
      store.values[variable.name] = memory[.variable(index)].map {
        HostTensor(variable.type, $0.values)
      }
    }
    let outputs = plan.outputs.map { ($0.name, read($0.value).data) }
    return FinishedRun(outputs: Dictionary(uniqueKeysWithValues: outputs))
  }
}

private final class FinishedRun: PendingRun {
  let outputs: [String: TensorData]
  init(outputs: [String: TensorData]) { self.outputs = outputs }
  func wait() -> [String: TensorData] { outputs }
}
