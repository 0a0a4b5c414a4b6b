/// A graph made ready to run: dead work removed, storage assigned to the byte.
///
/// A plan knows no device. A backend lowers it to launches and replays them.
public struct Plan: Sendable {
  /// Where a value lies.
  public enum Location: Hashable, Sendable {
    /// Byte offset in transient memory.
    case transient(Int)
    /// Index in `variables`.
    case variable(Int)
    /// Index in `inputs`.
    case input(Int)
  }

  /// A value with its place.
  public struct Placed: Hashable, Sendable {
    /// Shape and element type.
    public let type: TensorType
    /// Where its bytes are.
    public let location: Location
  }

  /// One operation with the places it reads and writes.
  public struct Step: Sendable {
    /// What is computed.
    public let operation: any Operation
    /// Places read, in the operation's order.
    public let inputs: [Placed]
    /// Places written, in the operation's order.
    public let outputs: [Placed]
    /// Scratch memory: transient offset and bytes; nil when the backend asked for none.
    public let workspace: (offset: Int, byteCount: Int)?
    /// Index in `segments`.
    public let segment: Int
    /// Whether it computes again what another step has computed.
    public let isRepeated: Bool
  }

  /// The operations, in the order in which they run.
  public let steps: [Step]
  /// Names of the stretches that steps belong to.
  public let segments: [String]
  /// Persistent storage that the steps use.
  public let variables: [Variable]
  /// What the host writes before each run.
  public let inputs: [(name: String, type: TensorType)]
  /// What the host reads after each run.
  public let outputs: [(name: String, value: Placed)]
  /// Bytes of transient memory.
  public let transientByteCount: Int
  /// No storage plan of this order of operations can need less than this.
  public let lowerBound: Int

  /// Multiply-adds count as two.
  public var flopCount: Int {
    steps.reduce(0) {
      $0 + $1.operation.flopCount($1.inputs.map(\.type), outputs: $1.outputs.map(\.type))
    }
  }
}

/// What a backend fixes before a plan is made.
public struct PlanningLimits: Sendable {
  /// Transient memory comes in arenas of this size; no tensor spans two.
  public var arenaByteCount: Int
  /// Every tensor starts at a multiple of this.
  public var alignment: Int

  public init(arenaByteCount: Int = 1 << 30, alignment: Int = 256) {
    self.arenaByteCount = arenaByteCount
    self.alignment = alignment
  }

  /// Bytes that a tensor of this size takes up.
  public func rounded(_ byteCount: Int) -> Int {
    (max(byteCount, 1) + alignment - 1) / alignment * alignment
  }
}

extension Plan {
  /// Plans a verified graph.
  /// - Parameter workspace: bytes of scratch memory that the backend's kernel wants for a node.
  /// - Throws: `InputError` when one tensor is larger than an arena.
  public init(
    _ graph: Graph, limits: PlanningLimits,
    workspace: (any Operation, [TensorType], [TensorType]) -> Int = { _, _, _ in 0 }
  ) throws {
    graph.verify()
    var builder = PlanBuilder(graph: graph, limits: limits)
    try builder.place(workspace: workspace)
    steps = builder.steps
    segments = graph.segments
    variables = graph.variables
    inputs = builder.inputs
    outputs = graph.outputs.map { ($0.name, builder.placed($0.value)) }
    transientByteCount = builder.layout.byteCount
    lowerBound = builder.layout.lowerBound
  }
}

/// Collects what a plan is made of: live nodes, lifetimes, places.
private struct PlanBuilder {
  let graph: Graph
  let limits: PlanningLimits
  let live: [Int]
  var inputs: [(name: String, type: TensorType)] = []
  var steps: [Plan.Step] = []
  var layout = StorageLayout(offsets: [], byteCount: 0, lowerBound: 0)
  private var locations: [Int: Plan.Location] = [:]
  private let roots: [Int]

  init(graph: Graph, limits: PlanningLimits) {
    self.graph = graph
    self.limits = limits
    live = graph.liveNodes()
    roots = graph.storageRoots
  }

  func placed(_ value: Int) -> Plan.Placed {
    guard let location = locations[roots[value]] else {
      preconditionFailure("value \(value) was not placed")
    }
    return Plan.Placed(type: graph.values[value].type, location: location)
  }

  mutating func place(workspace: (any Operation, [TensorType], [TensorType]) -> Int) throws {
    placeExternals()
    let launched = live.filter { !graph.nodes[$0].operation.isAlias }
    var blocks = transientBlocks(launched)
    let rootsInOrder = blocks.map(\.key)
    var scratch: [Int: Int] = [:]  // position in `launched` -> index of block
    for (time, node) in launched.enumerated() {
      let types = types(of: node)
      let byteCount = workspace(graph.nodes[node].operation, types.0, types.1)
      guard byteCount > 0 else { continue }
      scratch[time] = blocks.count
      blocks.append(
        (key: -1, StorageBlock(byteCount: limits.rounded(byteCount), first: time, last: time)))
    }
    for (key, block) in blocks where block.byteCount > limits.arenaByteCount {
      throw InputError(
        key < 0 ? "workspace" : "tensor \(graph.values[key].type)",
        expected: "at most \(limits.arenaByteCount) bytes, the device's largest allocation",
        found: "\(block.byteCount) bytes", hint: "reduce the batch size or the resolution")
    }
    layout = StorageLayout(blocks.map(\.1), arenaByteCount: limits.arenaByteCount)
    for (root, offset) in zip(rootsInOrder, layout.offsets) { locations[root] = .transient(offset) }
    steps = launched.enumerated().map { time, node in
      let description = graph.nodes[node]
      return Plan.Step(
        operation: description.operation,
        inputs: description.inputs.map(placed), outputs: description.outputs.map(placed),
        workspace: scratch[time].map { (layout.offsets[$0], blocks[$0].1.byteCount) },
        segment: description.segment, isRepeated: description.isRepeated)
    }
  }

  private func types(of node: Int) -> ([TensorType], [TensorType]) {
    let node = graph.nodes[node]
    return (
      node.inputs.map { graph.values[$0].type }, node.outputs.map { graph.values[$0].type }
    )
  }

  private mutating func placeExternals() {
    for (id, value) in graph.values.enumerated() {
      switch value.source {
      case .input(let name):
        locations[id] = .input(inputs.count)
        inputs.append((name, value.type))
      case .variable(let index): locations[id] = .variable(index)
      case .node: if let index = graph.assignments[id] { locations[id] = .variable(index) }
      }
    }
  }

  /// One block per storage root that lives in transient memory, with its exact lifetime.
  private func transientBlocks(_ launched: [Int]) -> [(key: Int, StorageBlock)] {
    var lifetimes = Lifetimes(valueCount: graph.values.count)
    for (time, node) in launched.enumerated() {
      for output in graph.nodes[node].outputs where locations[roots[output]] == nil {
        lifetimes.begin(roots[output], at: time)
      }
      for input in graph.nodes[node].inputs { lifetimes.extend(roots[input], to: time) }
    }
    for (_, value) in graph.outputs { lifetimes.extend(roots[value], to: launched.count) }
    return lifetimes.order.map { root in
      (root, lifetimes.block(root, byteCount: limits.rounded(graph.values[root].type.byteCount)))
    }
  }
}

/// The steps between which values need storage.
struct Lifetimes {
  /// Values that have begun, in that order.
  private(set) var order: [Int] = []
  private var firsts: [Int]
  private var lasts: [Int]

  init(valueCount: Int) {
    firsts = [Int](repeating: -1, count: valueCount)
    lasts = firsts
  }

  /// A value is written.
  mutating func begin(_ value: Int, at time: Int) {
    if firsts[value] < 0 { order.append(value) }
    (firsts[value], lasts[value]) = (time, time)
  }

  /// A value is read; does nothing for one that lies elsewhere.
  mutating func extend(_ value: Int, to time: Int) {
    if firsts[value] >= 0 { lasts[value] = time }
  }

  /// A begun value's block.
  func block(_ value: Int, byteCount: Int) -> StorageBlock {
    StorageBlock(byteCount: byteCount, first: firsts[value], last: lasts[value])
  }
}
