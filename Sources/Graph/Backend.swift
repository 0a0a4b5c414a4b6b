/// What plans are made for: answers, before anything is allocated, what a backend will need. A device is
/// not needed for that.
public protocol Planner {
  /// What memory may look like.
  var planningLimits: PlanningLimits { get }

  /// Scratch bytes that the kernel chosen for an operation needs; asked before planning, so that
  /// it counts in the planned peak.
  func workspaceByteCount(
    _ operation: any Operation, inputs: [TensorType], outputs: [TensorType]
  ) -> Int

  /// Bytes through which the host writes and reads a store's variables; 0 where it reaches them.
  func stagingByteCount(_ variables: [Variable]) -> Int

  /// Bytes that pass the inputs and outputs of a store's runs between host and device.
  func stepBlockByteCount(_ demand: StoreDemand) -> Int
}

/// What runs plans: Vulkan, CUDA, or the CPU evaluator that defines what is right.
public protocol Backend: AnyObject, Planner {
  /// The device and driver, for logs and records.
  var description: String { get }

  /// The kernels chosen so far, a line `key: choice` each: what `adopt` takes.
  var kernelChoices: String { get }

  /// Takes over choices, of another run for example, where none have been made yet.
  /// - Returns: false when the text cannot be read
  func adopt(kernelChoices: String) -> Bool

  /// Chooses among the kernels for all that these graphs compute, by measurement. Goes before plans:
  /// a choice that a plan counts on stays.
  /// - Parameter budgetSeconds: after which the rest is left to the best guess
  func tune(_ graphs: [Graph], budgetSeconds: Double) throws -> TuningReport

  /// Device memory for variables (zeroed) and for the transient tensors of any plan that is loaded
  /// with them.
  /// - Parameter runsInFlight: runs, of all programs together, that can be submitted before the
  ///   first of them has finished.
  func makeStore(_ variables: [Variable], runsInFlight: Int) throws -> any Store
}

extension Backend {
  // Backends with one kernel for everything.
  public var kernelChoices: String { "" }
  public func adopt(kernelChoices: String) -> Bool { kernelChoices.isEmpty }
  public func tune(_ graphs: [Graph], budgetSeconds: Double) throws -> TuningReport {
    TuningReport()
  }

  /// A store in which one run executes while the host prepares the next.
  public func makeStore(_ variables: [Variable]) throws -> any Store {
    try makeStore(variables, runsInFlight: StoreDemand.usualRunsInFlight)
  }
}

extension Planner {
  /// Plans a graph within this backend's limits.
  public func plan(_ graph: Graph) throws -> Plan {
    try Plan(graph, limits: planningLimits) { workspaceByteCount($0, inputs: $1, outputs: $2) }
  }

  /// Plans a graph within a budget of transient memory, computing again what does not fit.
  /// - Parameter transientByteCount: nil for no limit
  /// - Throws: `MemoryBudgetError` with the smallest budget that would do, `InputError` when one
  ///   tensor is larger than an arena.
  public func plan(
    _ graph: Graph, within transientByteCount: Int?
  ) throws -> (plan: Plan, recomputation: Recomputation) {
    let (scheduled, recomputation) = try graph.scheduled(
      within: transientByteCount, limits: planningLimits
    ) { workspaceByteCount($0, inputs: $1, outputs: $2) }
    return (try plan(scheduled), recomputation)
  }
}

/// What a search for the fastest kernels did.
public struct TuningReport: Sendable {
  /// Choices measured now.
  public var measuredCount = 0
  /// Choices known from an earlier search on this device and driver.
  public var knownCount = 0
  /// Choices left to the best guess, for good, because time was up.
  public var guessedCount = 0
  /// How long the search took.
  public var seconds = 0.0

  public init() {}
}

/// Persistent variables on a device, and the programs that work on them.
public protocol Store: AnyObject {
  /// Shape and storage of a variable.
  func type(of variable: String) -> TensorType

  /// Writes a variable in place, without a copy of it on the host: what is submitted later sees it,
  /// what was submitted before does not.
  /// - Parameter fill: called for one piece of the bytes after the other, each of whole elements, to
  ///   write them to memory that may be write-combined: never to read there
  func write(
    to variable: String,
    fill: (_ bytes: Range<Int>, _ target: UnsafeMutableRawBufferPointer) throws -> Void) throws

  /// Reads bytes of a variable without a copy of it on the host. Waits for what was submitted before.
  /// - Parameters:
  ///   - bytes: of whole elements
  ///   - body: given one piece after the other, each of whole elements; valid within the call only
  func read(
    _ variable: String, bytes: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Void) throws

  /// Makes a plan ready to run on these variables: compiles, allocates and records, once.
  /// Transient memory is shared by the programs of a store and sized to the largest plan.
  func load(_ plan: Plan) throws -> any Program

  /// Frees the transient memory until a program is next run, which then gets it anew: for whatever else
  /// the device is to do in between. Waits for the runs in flight.
  func releaseTransientMemory() throws

  /// Bytes in use by variables, transient memory, staging and step blocks.
  var allocatedByteCount: Int { get }
}

extension Store {
  /// Writes a variable.
  /// - Precondition: the data has the variable's type.
  public func write(_ data: TensorData, to variable: String) throws {
    let type = type(of: variable)
    precondition(data.type == type, "\(variable) is a \(type), not a \(data.type)")
    try data.bytes.withUnsafeBytes { bytes in
      try write(to: variable) { range, target in
        target.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[range]))
      }
    }
  }

  /// Reads a variable as a whole.
  public func read(_ variable: String) throws -> TensorData {
    let type = type(of: variable)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(type.byteCount)
    try read(variable, bytes: 0..<type.byteCount) { bytes += $0 }
    return TensorData(type, bytes: bytes)
  }
}

/// A loaded plan.
public protocol Program: AnyObject {
  var plan: Plan { get }
  /// Kernel launches of one run.
  var launchCount: Int { get }

  /// Starts a run and returns at once, unless the store's `runsInFlight` are in flight: then it
  /// waits for the oldest.
  ///
  /// Runs of all the programs of one store are executed in the order of submission.
  /// - Parameter inputs: every input of the plan by name, in the planned type.
  func submit(_ inputs: [String: TensorData]) throws -> any PendingRun
}

extension Program {
  /// Runs and waits.
  public func run(_ inputs: [String: TensorData]) throws -> [String: TensorData] {
    try submit(inputs).wait()
  }
}

/// A run in flight.
public protocol PendingRun: AnyObject {
  /// Waits for the run and returns the plan's outputs by name.
  func wait() throws -> [String: TensorData]

  /// When the device began and ended the run; nil before `wait` has returned, or without a clock.
  var deviceTimes: DeviceTimes? { get }
}

extension PendingRun {
  public var deviceTimes: DeviceTimes? { nil }
}

/// Readings of a device's clock in seconds; only differences mean anything.
public struct DeviceTimes: Sendable, Equatable {
  /// When the run began.
  public var start: Double
  /// When it ended.
  public var end: Double

  public init(start: Double, end: Double) {
    self.start = start
    self.end = end
  }
}
