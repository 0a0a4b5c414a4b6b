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

  /// Device memory for these shapes, before anything is allocated: weights, transient memory and
  /// step blocks. Weights that are shared count nothing.
  public static func memory(
    _ backend: any Backend, shapes: [Shape], build: Build, sharesWeights: Bool = false
  ) throws -> MemoryUse {
    var use = MemoryUse()
    for (index, shape) in shapes.enumerated() {
      let graph = graph(shape, build)
      if index == 0, !sharesWeights { try use.add(graph.variables, backend) }
      use.add(try backend.plan(graph), backend)
    }
    return use
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

/// Device memory by what it is for, as planned.
public struct MemoryUse: Sendable, Equatable {
  /// Bytes of weights, gradients and optimizer state.
  public var variables = 0
  /// Bytes of the largest plan's transient tensors.
  public var transient = 0
  /// Bytes through which host and device exchange data: inputs and outputs of the runs that may be
  /// in flight, and the staging of variables where the host cannot reach them.
  public var stepBlocks = 0

  public init() {}

  public var total: Int { variables + transient + stepBlocks }

  mutating func add(_ list: [Variable], _ backend: any Backend) throws {
    variables += try VariableLayout(list, limits: backend.planningLimits).byteCount
    stepBlocks += backend.stagingByteCount(list)
  }

  mutating func add(_ plan: Plan, _ backend: any Backend) {
    transient = max(transient, plan.transientByteCount)
    stepBlocks += backend.stepBlockByteCount(plan)
  }
}
