/// What may be computed again in the backward pass instead of being kept, cheapest first.
///
/// First single results that cost only memory traffic, then the products of a region, then whole
/// regions, convolutions and attention included. Within a class what saves most bytes for its cost
/// comes first.
struct RecomputationCandidates {
  /// A choice that can be taken after those before it.
  struct Step {
    /// Nodes whose results are not kept.
    var nodes: [Int]
    /// Cost for each byte that is no longer kept.
    var rate: Double
  }

  private(set) var steps: [Step] = []
  /// Bytes moved for a byte that is no longer kept, at most: sums over large tensors stay.
  private static let mostTraffic = 32
  private let costs: ScheduleCosts
  private let graph: Graph
  private let scheduler: Scheduler
  /// For each node whether something outside of its region reads its results in the forward pass.
  private let leavesRegion: [Bool]

  init(_ costs: ScheduleCosts) {
    self.costs = costs
    scheduler = costs.scheduler
    graph = scheduler.graph
    leavesRegion = Self.leaving(scheduler)
    let traffic = trafficSteps()
    var base = [Bool](repeating: false, count: graph.nodes.count)
    for node in traffic.flatMap(\.nodes) { base[node] = true }
    steps = Self.ordered(traffic)
    for limit in [RecomputationCost.product, .heavy] {
      let found = regionSteps(upTo: limit, &base)
      steps += Self.ordered(found)
    }
  }

  private static func ordered(_ steps: [Step]) -> [Step] {
    steps.enumerated().sorted { ($0.element.rate, $0.offset) < ($1.element.rate, $1.offset) }
      .map(\.element)
  }

  private static func leaving(_ scheduler: Scheduler) -> [Bool] {
    let graph = scheduler.graph
    var leaves = [Bool](repeating: false, count: graph.nodes.count)
    for index in scheduler.forward where !graph.nodes[index].operation.isAlias {
      for input in graph.nodes[index].inputs {
        let maker = scheduler.makers[graph.storageRoots[input]]
        if maker >= 0, graph.nodes[maker].region != graph.nodes[index].region {
          leaves[maker] = true
        }
      }
    }
    for (_, value) in graph.outputs {
      let maker = scheduler.makers[graph.storageRoots[value]]
      if maker >= 0 { leaves[maker] = true }
    }
    return leaves
  }

  /// Results that cost memory traffic only, where what they are computed from takes less memory, or is
  /// kept anyway.
  private func trafficSteps() -> [Step] {
    var isKept = [Bool](repeating: false, count: graph.values.count)  // by storage root
    for index in scheduler.backward {
      for input in graph.nodes[index].inputs { isKept[graph.storageRoots[input]] = true }
    }
    var isDropped = [Bool](repeating: false, count: graph.nodes.count)
    var steps: [Step] = []
    for index in scheduler.forward {
      let node = graph.nodes[index]
      guard !node.operation.isAlias, node.operation.recomputationCost == .bandwidth,
        node.outputs.contains(where: { isKept[$0] })
      else { continue }
      let own = node.outputs.reduce(0) { $0 + (isKept[$1] ? byteCount($1) : 0) }
      let needed = Set(node.inputs.map { graph.storageRoots[$0] }).filter { root in
        let maker = scheduler.makers[root]
        return maker >= 0 && scheduler.isForward[maker] && !isKept[root] && !isDropped[maker]
      }
      let gain = own - needed.reduce(0) { $0 + byteCount($1) }
      let traffic = (node.inputs + node.outputs).reduce(0) {
        $0 + graph.values[$1].type.byteCount
      }
      guard gain > 0, traffic <= Self.mostTraffic * gain else { continue }
      isDropped[index] = true
      for root in needed { isKept[root] = true }
      steps.append(
        Step(nodes: [index], rate: Double(traffic) / Double(gain)))
    }
    return steps
  }

  /// The results of each region that cost as much as `limit` or less, but for those that leave it.
  private func regionSteps(upTo limit: RecomputationCost, _ base: inout [Bool]) -> [Step] {
    var members: [Int: [Int]] = [:]
    for index in scheduler.forward {
      let node = graph.nodes[index]
      guard let region = node.region, !node.operation.isAlias, !leavesRegion[index],
        node.operation.recomputationCost <= limit, !base[index]
      else { continue }
      members[region, default: []].append(index)
    }
    let before = costs.keptByteCount(dropping: base)
    let given = base
    return members.sorted { $0.key < $1.key }.compactMap { _, nodes in
      var dropped = given
      for node in nodes { dropped[node] = true }
      let gain = before - costs.keptByteCount(dropping: dropped)
      guard gain > 0 else { return nil }
      for node in nodes { base[node] = true }
      let flops = nodes.reduce(0) { $0 + costs.flopCount($1) }
      return Step(nodes: nodes, rate: Double(flops) / Double(gain))
    }
  }

  private func byteCount(_ value: Int) -> Int {
    costs.limits.rounded(graph.values[value].type.byteCount)
  }
}
