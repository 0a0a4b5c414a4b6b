import Graph

/// A network as it runs outside training: a function from named inputs to named outputs, with one
/// program for each shape of the inputs.
public protocol DeviceNetwork {
  /// Widths and depths of the network.
  associatedtype Configuration
  /// What a program is made for.
  associatedtype Shape: Hashable
  /// Declares the network's inputs, parameters and outputs for a shape.
  typealias Build = (Graph, Shape) -> Void

  /// - Throws: `InputError` when the configuration lacks a part that the network has.
  static func build(_ configuration: Configuration) throws -> Build

  init(_ runner: NetworkRunner<Self>)
}

extension DeviceNetwork {
  /// Puts the network on the device, where it stays as long as this value or a copy of it.
  /// - Parameters:
  ///   - plans: made for this device
  ///   - shape: any shape; tells which parameters there are.
  public init(
    _ backend: any Backend, _ plans: NetworkPlans<Self>, weights: ParameterReader, shape: Shape
  ) throws {
    self.init(try NetworkRunner(backend, plans, weights: weights, shape: shape))
  }

  /// Puts the network on the device.
  public init(
    _ backend: any Backend, _ configuration: Configuration, weights: ParameterReader, shape: Shape
  ) throws {
    try self.init(backend, NetworkPlans(backend, configuration), weights: weights, shape: shape)
  }

  /// Runs on weights that are on the device already.
  public init(_ plans: NetworkPlans<Self>, sharing store: any Store) {
    self.init(NetworkRunner(plans, sharing: store))
  }
}

/// The plans of one network, each made when it is first asked for, be it to tell the memory or to
/// run: holds nothing on the device.
public final class NetworkPlans<Network: DeviceNetwork> {
  private let planner: any Planner
  private let build: Network.Build
  private var plans: [Network.Shape: Plan] = [:]

  /// - Parameter planner: who says what kernels and transfers need
  public init(_ planner: any Planner, _ configuration: Network.Configuration) throws {
    self.planner = planner
    build = try Network.build(configuration)
  }

  func plan(_ shape: Network.Shape) throws -> Plan {
    if let plan = plans[shape] { return plan }
    let graph = Graph()
    build(graph, shape)
    let plan = try planner.plan(graph)
    plans[shape] = plan
    return plan
  }

  /// Device memory for these shapes, before anything is allocated: weights, transient memory and
  /// step blocks.
  public func memory(_ shapes: [Network.Shape]) throws -> MemoryUse {
    var use = MemoryUse()
    if let first = shapes.first { try use.add(plan(first).variables, planner) }
    try add(shapes, to: &use)
    return use
  }

  /// Adds programs that share a store, its weights included.
  public func add(_ shapes: [Network.Shape], to use: inout MemoryUse) throws {
    for shape in shapes { use.add(try plan(shape), planner) }
  }
}

/// One network on a device: its weights, and a program for each shape of its inputs.
///
/// The memory is freed with the runner, so that encoders are there only while they are needed.
public final class NetworkRunner<Network: DeviceNetwork> {
  private let plans: NetworkPlans<Network>
  private let store: any Store
  private var programs: [Network.Shape: any Program] = [:]

  init(
    _ backend: any Backend, _ plans: NetworkPlans<Network>, weights: ParameterReader,
    shape: Network.Shape
  ) throws {
    self.plans = plans
    let variables = try plans.plan(shape).variables
    store = try backend.makeStore(variables)
    try weights.load(variables, into: store)
  }

  init(_ plans: NetworkPlans<Network>, sharing store: any Store) {
    self.plans = plans
    self.store = store
  }

  /// Runs the network and waits for its outputs.
  func run(
    _ shape: Network.Shape, _ inputs: [String: TensorData]
  ) throws -> [String: TensorData] {
    if let program = programs[shape] { return try program.run(inputs) }
    let program = try store.load(plans.plan(shape))
    programs[shape] = program
    return try program.run(inputs)
  }
}

/// Memory of a store by what it is for, as planned.
public struct MemoryUse: Sendable, Equatable {
  /// Bytes of weights, gradients and optimizer state.
  public var variables = 0
  /// Bytes of the largest plan's transient tensors.
  public var transient: Int { demand.transientByteCount }
  /// Bytes through which host and device exchange data: inputs and outputs of the runs that may be
  /// in flight, and the staging of variables where the host cannot reach them.
  public private(set) var stepBlocks = 0
  /// Bytes of that through which variables that the host cannot reach are written and read.
  public private(set) var staging = 0
  private var demand: StoreDemand

  public init(runsInFlight: Int = StoreDemand.usualRunsInFlight) {
    demand = StoreDemand(runsInFlight: runsInFlight)
  }

  /// Bytes of all together.
  public var total: Int { variables + transient + stepBlocks }

  mutating func add(_ list: [Variable], _ planner: any Planner) throws {
    variables += try VariableLayout(list, limits: planner.planningLimits).byteCount
    staging += planner.stagingByteCount(list)
    stepBlocks += planner.stagingByteCount(list)
  }

  mutating func add(_ plan: Plan, _ planner: any Planner) {
    demand.add(plan, limits: planner.planningLimits)
    stepBlocks = staging + planner.stepBlockByteCount(demand)
  }

  /// Counts what passes between host and device of a plan that is to be made.
  mutating func add(inputs: [TensorType], outputs: [TensorType], _ planner: any Planner) {
    demand.add(inputs: inputs, outputs: outputs, limits: planner.planningLimits)
    stepBlocks = staging + planner.stepBlockByteCount(demand)
  }
}
