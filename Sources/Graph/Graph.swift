/// A computation as data: operations in the order in which they run.
///
/// Built once per shape, differentiated, verified and planned before anything runs.
public final class Graph {
  /// One application of an operation.
  public struct Node {
    /// What is computed.
    public let operation: any Operation
    /// Ids of the values read and written.
    public let inputs: [Int]
    public let outputs: [Int]
    /// Index in `segments`.
    public let segment: Int
    /// Index in `regions`; nil outside of all.
    public let region: Int?
    /// Whether it computes again what another node has computed.
    public var isRepeated = false
  }

  /// Where a value comes from.
  public enum Source: Equatable {
    /// Written by the host before each run.
    case input(String)
    /// Persistent storage shared between plans.
    case variable(Int)
    case node(Int, output: Int)
  }

  /// A tensor in the graph.
  public struct Value {
    /// Shape and element type.
    public let type: TensorType
    /// Where it comes from.
    public let source: Source
  }

  /// Operations, in the order in which they run.
  public internal(set) var nodes: [Node] = []
  /// Tensors by id.
  public internal(set) var values: [Value] = []
  /// Persistent storage by index.
  public internal(set) var variables: [Variable] = []
  /// Values that the host reads back after each run.
  public internal(set) var outputs: [(name: String, value: Int)] = []
  /// value id -> variable index: the value is written to the variable's storage.
  public internal(set) var assignments: [Int: Int] = [:]
  /// Named stretches of the run; between two of them a communicator or the host may act.
  public internal(set) var segments: [String] = ["start"]
  /// Names of the stretches that may be computed again as a whole, blocks of a network for example.
  public internal(set) var regions: [String] = []
  private var openRegion: Int?
  private var names: Set<String> = []
  /// For each value the one whose storage it shares: itself, but for results of `Reshape`.
  private(set) var storageRoots: [Int] = []
  /// For each value how often operations read it.
  private(set) var useCounts: [Int] = []
  /// For each storage root the last node that reads it, through aliases too; -1 for none.
  private var lastReaders: [Int] = []
  private var assignedVariables: Set<Int> = []

  public init() {}

  /// The graph with other nodes: its values keep their ids, those of `copies` follow.
  /// - Parameters:
  ///   - nodes: in the order in which they run; they write every value of a node once
  ///   - copies: types of further values that the nodes write
  init(_ base: Graph, nodes: [Node], copies: [TensorType]) {
    (variables, outputs, assignments) = (base.variables, base.outputs, base.assignments)
    (segments, regions) = (base.segments, base.regions)
    (names, assignedVariables) = (base.names, base.assignedVariables)
    let types = base.values.map(\.type) + copies
    var sources = base.values.map { value in
      if case .node = value.source { return Source.node(-1, output: 0) }
      return value.source
    }
    sources += copies.map { _ in .node(-1, output: 0) }
    for (index, node) in nodes.enumerated() {
      for (position, output) in node.outputs.enumerated() {
        sources[output] = .node(index, output: position)
      }
    }
    for (type, source) in zip(types, sources) { addValue(type, source) }
    for node in nodes { append(node) }
  }

  /// A tensor that the host writes before each run.
  public func input(_ name: String, _ type: TensorType) -> Tensor {
    claim(name)
    return addValue(type, .input(name))
  }

  /// Persistent storage. Frozen parameters get no gradient, and what only they need is pruned.
  public func variable(_ name: String, _ type: TensorType, _ kind: Variable.Kind) -> Tensor {
    variable(Variable(name: name, type: type, kind: kind))
  }

  /// Persistent storage.
  public func variable(_ variable: Variable) -> Tensor {
    claim(variable.name)
    variables.append(variable)
    return addValue(variable.type, .variable(variables.count - 1))
  }

  /// The persistent storage of that name, if it is declared.
  public func existing(_ name: String) -> Tensor? {
    guard let index = variables.firstIndex(where: { $0.name == name }) else { return nil }
    let id = values.firstIndex { $0.source == .variable(index) }
    return id.map { Tensor(graph: self, id: $0) }
  }

  /// The parameters that get a gradient, in the order in which they were declared.
  public var trainedParameters: [(variable: Variable, tensor: Tensor)] {
    values.indices.compactMap { id in
      guard case .variable(let index) = values[id].source, variables[index].isTrained else {
        return nil
      }
      return (variables[index], Tensor(graph: self, id: id))
    }
  }

  /// Applies an operation. A violated shape rule is a programmer's mistake and traps.
  public func apply(_ operation: some Operation, _ inputs: [Tensor]) -> [Tensor] {
    precondition(
      inputs.allSatisfy { $0.graph === self }, "\(operation.name): tensors of another graph")
    let types: [TensorType]
    do {
      types = try operation.outputTypes(inputs.map(\.type))
    } catch {
      let shapes = inputs.map(\.type.description).joined(separator: ", ")
      preconditionFailure("\(operation.name)(\(shapes)): \(error)")
    }
    let outputs = types.enumerated().map { index, type in
      addValue(type, .node(nodes.count, output: index))
    }
    append(
      Node(
        operation: operation, inputs: inputs.map(\.id), outputs: outputs.map(\.id),
        segment: segments.count - 1, region: openRegion))
    return outputs
  }

  /// Adds a node whose outputs are the newest values.
  func append(_ node: Node) {
    for input in node.inputs {
      useCounts[input] += 1
      lastReaders[storageRoots[input]] = nodes.count
    }
    if node.operation.isAlias { storageRoots[node.outputs[0]] = storageRoots[node.inputs[0]] }
    nodes.append(node)
  }

  /// Asks for a value to be readable by the host after each run.
  public func output(_ name: String, _ tensor: Tensor) {
    claim("output " + name)
    outputs.append((name, tensor.id))
  }

  /// Writes `tensor` to a variable's storage; a copy is made only where storage cannot be shared.
  public func assign(_ tensor: Tensor, to variable: Tensor) {
    guard case .variable(let index) = values[variable.id].source else {
      preconditionFailure("assignment to a tensor that is not a variable")
    }
    precondition(
      tensor.type == variable.type, "assignment of \(tensor.type) to \(variables[index])")
    precondition(
      assignedVariables.insert(index).inserted, "\(variables[index].name) is assigned twice")
    assignments[canHold(tensor, variable: variable) ? tensor.id : copied(tensor).id] = index
  }

  /// Name of the segment that begins the backward pass.
  public static let backwardSegment = "backward"
  /// Name of the segment of parameter updates, which a schedule may move forward to where their
  /// gradients are complete.
  public static let updateSegment = "update"

  /// Starts a named segment: what follows runs after the cut point of this name.
  public func cut(_ name: String) { segments.append(name) }

  /// What `body` adds is one region: values that only it reads may be computed again together, from
  /// what it is given. Regions do not nest.
  public func region<Result>(_ name: String, _ body: () -> Result) -> Result {
    precondition(openRegion == nil, "the region \(name) lies within another")
    regions.append(name)
    openRegion = regions.count - 1
    defer { openRegion = nil }
    return body()
  }

  /// Whether the value's producer may write straight into the variable.
  private func canHold(_ tensor: Tensor, variable: Tensor) -> Bool {
    guard case .node(let node, let output) = values[tensor.id].source,
      assignments[tensor.id] == nil, !nodes[node].operation.isAlias
    else { return false }
    let readsItself = nodes[node].inputs.enumerated().filter {
      storageRoots[$0.element] == variable.id
    }
    let safe = nodes[node].operation.inPlacePairs
    guard readsItself.allSatisfy({ read in safe.contains { $0 == (read.offset, output) } }) else {
      return false
    }
    // Nothing may read the old contents once they are overwritten, directly or through an alias.
    return lastReaders[variable.id] <= node
  }

  private func copied(_ tensor: Tensor) -> Tensor { apply(Copy(), [tensor])[0] }

  @discardableResult
  func addValue(_ type: TensorType, _ source: Source) -> Tensor {
    storageRoots.append(values.count)
    useCounts.append(0)
    lastReaders.append(-1)
    values.append(Value(type: type, source: source))
    return Tensor(graph: self, id: values.count - 1)
  }

  private func claim(_ name: String) {
    precondition(names.insert(name).inserted, "the name \(name) is taken in this graph")
  }
}

/// Persistent storage of a graph, shared by name between the plans of one run.
public struct Variable: Hashable, Sendable {
  /// What a variable is to the optimizer.
  public enum Kind: Hashable, Sendable {
    /// A weight of the model; `trained` ones get a gradient.
    case parameter(trained: Bool)
    /// Optimizer moments, gradient accumulators, counters.
    case state
  }

  /// Unique within a store.
  public let name: String
  /// Shape and element type in storage.
  public let type: TensorType
  /// What it is to the optimizer.
  public let kind: Kind

  public init(name: String, type: TensorType, kind: Kind) {
    self.name = name
    self.type = type
    self.kind = kind
  }

  /// Whether it is a parameter that gets a gradient.
  public var isTrained: Bool { kind == .parameter(trained: true) }
}
