/// Tells what schedules of one graph need, without making graphs or plans of them.
struct ScheduleCosts {
  let scheduler: Scheduler
  let limits: PlanningLimits
  /// Scratch bytes of each node, rounded up; 0 for none.
  private let workspaces: [Int]
  /// Rounded bytes of each value.
  private let byteCounts: [Int]
  /// For each value whether it lies in a variable or an input.
  private let isExternal: [Bool]

  init(
    _ scheduler: Scheduler, limits: PlanningLimits,
    workspace: (any Operation, [TensorType], [TensorType]) -> Int
  ) {
    let graph = scheduler.graph
    self.scheduler = scheduler
    self.limits = limits
    byteCounts = graph.values.map { limits.rounded($0.type.byteCount) }
    isExternal = graph.values.indices.map { id in
      scheduler.makers[id] < 0 || graph.assignments[id] != nil
    }
    workspaces = graph.nodes.map { node in
      if node.operation.isAlias { return 0 }
      let byteCount = workspace(
        node.operation, node.inputs.map { graph.values[$0].type },
        node.outputs.map { graph.values[$0].type })
      return byteCount > 0 ? limits.rounded(byteCount) : 0
    }
  }

  /// What a schedule keeps in transient memory, and when.
  func blocks(_ schedule: Schedule) -> [StorageBlock] {
    let graph = scheduler.graph
    var roots =
      graph.storageRoots + Array(graph.values.count..<graph.values.count + schedule.copies.count)
    var lifetimes = Lifetimes(valueCount: roots.count)
    var blocks: [StorageBlock] = []
    var time = 0
    for (node, origin) in zip(schedule.nodes, schedule.origins) {
      if node.operation.isAlias {
        roots[node.outputs[0]] = roots[node.inputs[0]]
        continue
      }
      for output in node.outputs where !isExternal(roots[output], schedule) {
        lifetimes.begin(roots[output], at: time)
      }
      for input in node.inputs { lifetimes.extend(roots[input], to: time) }
      if workspaces[origin] > 0 {
        blocks.append(StorageBlock(byteCount: workspaces[origin], first: time, last: time))
      }
      time += 1
    }
    for (_, value) in graph.outputs { lifetimes.extend(roots[value], to: time) }
    return blocks
      + lifetimes.order.map { root in
        lifetimes.block(root, byteCount: byteCounts[original(root, schedule)])
      }
  }

  /// Bytes of the forward pass that a choice keeps for the backward pass.
  func keptByteCount(dropping isDropped: [Bool]) -> Int {
    let graph = scheduler.graph
    var isSeen = [Bool](repeating: false, count: graph.values.count)
    var byteCount = 0
    var pending: [Int] = []
    for node in scheduler.backward { pending += graph.nodes[node].inputs }
    while let value = pending.popLast() {
      let maker = scheduler.makers[value]
      guard !isSeen[value], maker >= 0, scheduler.isForward[maker] else { continue }
      isSeen[value] = true
      let node = graph.nodes[maker]
      if node.operation.isAlias || isDropped[maker] {
        pending += node.inputs
      } else if !isExternal[value] {
        byteCount += byteCounts[value]
      }
    }
    return byteCount
  }

  /// Multiply-adds as two, and bytes read and written, of what a schedule computes again.
  func repeated(_ schedule: Schedule) -> (nodes: [Int], flopCount: Int, byteCount: Int) {
    let graph = scheduler.graph
    let repeated = zip(schedule.nodes, schedule.origins).filter { node, origin in
      !node.operation.isAlias && node.outputs != graph.nodes[origin].outputs
    }.map(\.1)
    let flops = repeated.reduce(0) { $0 + flopCount($1) }
    let bytes = repeated.reduce(0) { sum, index in
      let node = graph.nodes[index]
      return (node.inputs + node.outputs).reduce(sum) { $0 + graph.values[$1].type.byteCount }
    }
    return (repeated, flops, bytes)
  }

  /// Multiply-adds of a node, as two.
  func flopCount(_ index: Int) -> Int {
    let (graph, node) = (scheduler.graph, scheduler.graph.nodes[index])
    return node.operation.flopCount(
      node.inputs.map { graph.values[$0].type }, outputs: node.outputs.map { graph.values[$0].type }
    )
  }

  private func original(_ value: Int, _ schedule: Schedule) -> Int {
    let count = byteCounts.count
    return value < count ? value : schedule.copies[value - count]
  }

  /// What is computed again never goes to a variable.
  private func isExternal(_ root: Int, _ schedule: Schedule) -> Bool {
    root < isExternal.count && isExternal[root]
  }
}
