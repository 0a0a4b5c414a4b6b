/// The order of a training step's operations: the forward pass, then the backward pass, in which some
/// of the forward pass is computed again right before it is first read, then updates, each moved to
/// where what it reads is complete.
struct Schedule {
  /// In the order in which they run. Values from the graph's own count on are computed again.
  let nodes: [Graph.Node]
  /// For each node the one of the graph that it is or repeats.
  let origins: [Int]
  /// For each value computed again, in the order of ids, the one that it repeats.
  let copies: [Int]
}

/// Makes schedules of one graph.
struct Scheduler {
  let graph: Graph
  /// Live nodes before the segment `backward`, in it, and from the segment `update` on.
  let forward: [Int]
  let backward: [Int]
  let updates: [Int]
  /// For each value the node that makes it; -1 for inputs and variables.
  let makers: [Int]
  /// For each node whether it is live and before the segment `backward`.
  let isForward: [Bool]

  init(_ graph: Graph) {
    self.graph = graph
    let live = graph.liveNodes()
    let segment = { (name: String) in graph.segments.firstIndex(of: name) ?? .max }
    let update = segment(Graph.updateSegment)
    let first = min(segment(Graph.backwardSegment), update)
    forward = live.filter { graph.nodes[$0].segment < first }
    backward = live.filter { first..<update ~= graph.nodes[$0].segment }
    updates = live.filter { graph.nodes[$0].segment >= update }
    var makers = [Int](repeating: -1, count: graph.values.count)
    for (index, node) in graph.nodes.enumerated() {
      for output in node.outputs { makers[output] = index }
    }
    self.makers = makers
    var isForward = [Bool](repeating: false, count: graph.nodes.count)
    for node in forward { isForward[node] = true }
    self.isForward = isForward
  }

  /// - Parameter isDropped: for each node whether the backward pass computes its results again
  func schedule(dropping isDropped: [Bool]) -> Schedule {
    var emission = Emission(scheduler: self, isDropped: isDropped)
    for node in forward { emission.append(graph.nodes[node], origin: node) }
    for node in backward { emission.appendReading(graph.nodes[node], origin: node) }
    let order = placedUpdates(behind: emission.nodes)
    guard !updates.isEmpty else {
      return Schedule(nodes: emission.nodes, origins: emission.origins, copies: emission.copies)
    }
    var nodes: [Graph.Node] = []
    var origins: [Int] = []
    var next = 0
    for position in -1..<emission.nodes.count {
      if position >= 0 {
        nodes.append(emission.nodes[position])
        origins.append(emission.origins[position])
      }
      while next < order.count, order[next].after <= position {
        nodes.append(graph.nodes[order[next].node])
        origins.append(order[next].node)
        next += 1
      }
    }
    return Schedule(nodes: nodes, origins: origins, copies: emission.copies)
  }

  /// For each update the position of the node after which it may run: what it reads is there, and
  /// nothing reads any more what it overwrites. Earliest first.
  private func placedUpdates(behind nodes: [Graph.Node]) -> [(node: Int, after: Int)] {
    if updates.isEmpty { return [] }
    let roots = graph.storageRoots
    var ready = [Int](repeating: -1, count: graph.values.count)  // position of the maker, by value
    var lastReader = ready  // by variable's value
    for (position, node) in nodes.enumerated() {
      for output in node.outputs where output < ready.count { ready[output] = position }
      for input in node.inputs where input < ready.count { lastReader[roots[input]] = position }
    }
    var variables = [Int](repeating: -1, count: graph.variables.count)
    for (id, value) in graph.values.enumerated() {
      if case .variable(let index) = value.source { variables[index] = id }
    }
    var placed: [(node: Int, after: Int)] = []
    for index in updates {
      let node = graph.nodes[index]
      var after = node.inputs.reduce(-1) { max($0, ready[$1]) }
      for output in node.outputs {
        guard let variable = graph.assignments[output] else { continue }
        after = max(after, lastReader[variables[variable]])
      }
      for output in node.outputs { ready[output] = after }
      for input in node.inputs {
        lastReader[roots[input]] = max(lastReader[roots[input]], after)
      }
      placed.append((index, after))
    }
    return placed.enumerated().sorted {
      ($0.element.after, $0.offset) < ($1.element.after, $1.offset)
    }
    .map(\.element)
  }
}

/// A schedule in the making.
private struct Emission {
  let scheduler: Scheduler
  let isDropped: [Bool]
  private(set) var nodes: [Graph.Node] = []
  private(set) var origins: [Int] = []
  private(set) var copies: [Int] = []
  /// For each value of the graph the one computed again; -1 for none.
  private var copyOf: [Int]

  init(scheduler: Scheduler, isDropped: [Bool]) {
    self.scheduler = scheduler
    self.isDropped = isDropped
    copyOf = [Int](repeating: -1, count: scheduler.graph.values.count)
  }

  mutating func append(_ node: Graph.Node, origin: Int) {
    nodes.append(node)
    origins.append(origin)
  }

  /// Appends a node behind what it reads and what the forward pass has not kept.
  mutating func appendReading(_ node: Graph.Node, origin: Int) {
    let inputs = node.inputs.map { resolved($0, segment: node.segment) }
    let changed = Graph.Node(
      operation: node.operation, inputs: inputs, outputs: node.outputs, segment: node.segment,
      region: node.region)
    append(changed, origin: origin)
  }

  /// The value to read in the backward pass: the kept one, or the one computed again.
  private mutating func resolved(_ value: Int, segment: Int) -> Int {
    if copyOf[value] >= 0 { return copyOf[value] }
    let maker = scheduler.makers[value]
    guard maker >= 0, scheduler.isForward[maker] else { return value }
    let node = scheduler.graph.nodes[maker]
    guard node.operation.isAlias || isDropped[maker] else { return value }
    let inputs = node.inputs.map { resolved($0, segment: segment) }
    if node.operation.isAlias, inputs == node.inputs { return value }
    let first = scheduler.graph.values.count + copies.count
    for (position, output) in node.outputs.enumerated() { copyOf[output] = first + position }
    copies += node.outputs
    append(
      Graph.Node(
        operation: node.operation, inputs: inputs, outputs: node.outputs.map { copyOf[$0] },
        segment: segment, region: nil, isRepeated: true),
      origin: maker)
    return copyOf[value]
  }
}
