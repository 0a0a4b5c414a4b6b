import Graph

/// One network on a device: its weights, and a program for each shape of its inputs.
///
/// The memory is freed with the runner, so that encoders are there only while they are needed.
public final class NetworkRunner<Shape: Hashable> {
  /// Declares the network's inputs, parameters and outputs for a shape.
  public typealias Build = (Graph, Shape) -> Void

  private let backend: any Backend
  private let store: any Store
  private let build: Build
  private var programs: [Shape: any Program] = [:]

  /// Puts the network on the device.
  /// - Parameter shape: any shape; tells which parameters there are.
  public init(
    _ backend: any Backend, weights: ParameterReader, shape: Shape, build: @escaping Build
  ) throws {
    self.backend = backend
    self.build = build
    let variables = Self.graph(shape, build).variables
    store = try backend.makeStore(variables)
    try weights.load(variables, into: store)
  }

  /// Runs on weights that are on the device already.
  public init(_ backend: any Backend, sharing store: any Store, build: @escaping Build) {
    self.backend = backend
    self.store = store
    self.build = build
  }

  /// Runs the network and waits for its outputs.
  public func run(
    _ shape: Shape, _ inputs: [String: TensorData]
  ) throws -> [String: TensorData] {
    let program = try programs[shape] ?? load(shape)
    return try program.run(inputs)
  }

  /// Device memory for these shapes, before anything is allocated.
  public static func memory(
    _ backend: any Backend, shapes: [Shape], build: Build
  ) throws -> MemoryUse {
    var use = MemoryUse()
    if let first = shapes.first { try use.add(graph(first, build).variables, backend) }
    try add(shapes, to: &use, backend, build: build)
    return use
  }

  /// Adds programs that share a store, its weights included.
  public static func add(
    _ shapes: [Shape], to use: inout MemoryUse, _ backend: any Backend, build: Build
  ) throws {
    for shape in shapes { use.add(try backend.plan(graph(shape, build)), backend) }
  }

  private func load(_ shape: Shape) throws -> any Program {
    let program = try store.load(backend.plan(Self.graph(shape, build)))
    programs[shape] = program
    return program
  }

  private static func graph(_ shape: Shape, _ build: Build) -> Graph {
    let graph = Graph()
    build(graph, shape)
    return graph
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
  private var staging = 0
  private var demand: StoreDemand

  public init(runsInFlight: Int = StoreDemand.usualRunsInFlight) {
    demand = StoreDemand(runsInFlight: runsInFlight)
  }

  public var total: Int { variables + transient + stepBlocks }

  mutating func add(_ list: [Variable], _ backend: any Backend) throws {
    variables += try VariableLayout(list, limits: backend.planningLimits).byteCount
    staging += backend.stagingByteCount(list)
    stepBlocks += backend.stagingByteCount(list)
  }

  mutating func add(_ plan: Plan, _ backend: any Backend) {
    demand.add(plan, limits: backend.planningLimits)
    stepBlocks = staging + backend.stepBlockByteCount(demand)
  }
}
