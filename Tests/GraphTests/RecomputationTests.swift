import Testing

@testable import Graph

/// Recomputation by budget: same bits, less memory, cheap things first.
@Suite struct RecomputationTests {
  /// Blocks `x + geglu(norm(x) A) B` behind one another, a loss, and gradients of all weights.
  static func network(blocks: Int = 6, rows: Int = 64, width: Int = 32) -> Graph {
    let graph = Graph()
    var x = graph.input("x", TensorType([rows, width]))
    for index in 0..<blocks {
      let parameter = { (name: String, shape: [Int]) in
        graph.variable("\(index).\(name)", TensorType(shape), .parameter(trained: true))
      }
      let (scale, shift) = (parameter("scale", [width]), parameter("shift", [width]))
      let (a, b) = (parameter("a", [8 * width, width]), parameter("b", [width, 4 * width]))
      x = graph.region("block") {
        let normalized = x.layerNormalized(scale, shift, epsilon: 1e-5)
        let hidden = normalized.product(a, transposeB: true).geglu()
        return hidden.product(b, transposeB: true, residual: x)
      }
    }
    let weight = graph.input("weight", TensorType([rows]))
    let loss = x.loss(against: graph.input("target", x.type), weight: weight).loss
    graph.output("loss", loss)
    graph.cut(Graph.backwardSegment)
    let trained = graph.trainedParameters
    let gradients = graph.gradients(of: loss, withRespectTo: trained.map(\.tensor))
    for ((variable, _), gradient) in zip(trained, gradients) {
      if let gradient { graph.output("grad." + variable.name, gradient) }
    }
    return graph
  }

  static func run(_ graph: Graph, _ plan: Plan) throws -> [String: TensorData] {
    let store = ReferenceBackend().makeStore(graph.variables)
    for (index, variable) in graph.variables.enumerated() {
      try store.write(values(variable.type, seed: index), to: variable.name)
    }
    let inputs = plan.inputs.enumerated().map { ($1.name, values($1.type, seed: 100 + $0)) }
    return try store.load(plan).run(Dictionary(uniqueKeysWithValues: inputs))
  }

  static let limits = PlanningLimits(arenaByteCount: 1 << 20)

  static func planned(
    _ graph: Graph, within byteCount: Int?
  ) throws -> (plan: Plan, recomputation: Recomputation) {
    let workspace = { (operation: any Operation, _: [TensorType], _: [TensorType]) in
      operation.name == "matrix_product" ? 700 : 0
    }
    let (scheduled, recomputation) = try graph.scheduled(
      within: byteCount, limits: limits, workspace: workspace)
    let plan = try Plan(scheduled, limits: limits, workspace: workspace)
    return (plan, recomputation)
  }

  static func smallestBudget(_ graph: Graph) throws -> Int {
    do {
      _ = try planned(graph, within: 1)
    } catch let error as MemoryBudgetError {
      return error.neededByteCount
    }
    Issue.record("a step within one byte")
    return 0
  }

  @Test func budgetsAreMetWithTheSameBits() throws {
    let graph = Self.network()
    let free = try Self.planned(graph, within: nil)
    #expect(free.recomputation.isEmpty)
    let expected = try Self.run(graph, free.plan)
    let smallest = try Self.smallestBudget(graph)
    #expect(smallest < free.plan.transientByteCount * 2 / 3)
    var (flops, products): ([Int], [Int]) = ([], [])
    for part in 0...8 {
      let most = free.plan.transientByteCount
      let budget = smallest + (most - smallest) * part / 8
      let found = try Self.planned(graph, within: budget)
      #expect(found.plan.transientByteCount <= budget)
      #expect(try Self.run(graph, found.plan) == expected)
      #expect(found.plan.flopCount == free.plan.flopCount + found.recomputation.flopCount)
      flops.append(found.recomputation.flopCount)
      products.append(found.recomputation.operations["matrix_product"] ?? 0)
    }
    #expect(products == products.sorted(by: >), "a larger budget costs more products")
    #expect(flops[0] > 0 && flops.last == 0)
    let forward = graph.nodes.filter { $0.segment == 0 }.reduce(0) { sum, node in
      sum
        + node.operation.flopCount(
          node.inputs.map { graph.values[$0].type },
          outputs: node.outputs.map { graph.values[$0].type })
    }
    #expect(flops[0] <= forward)
  }

  /// A little too little memory costs norms and GEGLU, no product.
  @Test func cheapThingsComeFirst() throws {
    let graph = Self.network()
    let free = try Self.planned(graph, within: nil).plan.transientByteCount
    let slight = try Self.planned(graph, within: free * 9 / 10).recomputation
    #expect(!slight.isEmpty && Set(slight.operations.keys).isSubset(of: ["geglu", "layer_norm"]))
    #expect(slight.keptByteCount < slight.keptByteCountBefore)
    let tight = try Self.planned(graph, within: Self.smallestBudget(graph)).recomputation
    #expect(tight.operations["matrix_product"] ?? 0 > 0)
  }

  /// One alignment below the smallest budget is refused with that budget.
  @Test func tooSmallABudgetIsRefused() throws {
    let graph = Self.network(blocks: 3)
    let smallest = try Self.smallestBudget(graph)
    #expect(throws: MemoryBudgetError(neededByteCount: smallest)) {
      _ = try Self.planned(graph, within: smallest - 1)
    }
  }

  /// Without regions only what costs memory traffic is computed again.
  @Test func whatCostsMoreThanItSavesIsKept() throws {
    let graph = Graph()
    let x = graph.input("x", TensorType([64, 64]))
    let weight = graph.variable("w", TensorType([64, 64]), .parameter(trained: true))
    // The sum is as large as the product that it is computed from: dropping it saves nothing.
    let sum = x.product(weight) + graph.input("shift", TensorType([1, 64]))
    let loss = sum.product(weight).loss(
      against: x, weight: graph.input("weights", TensorType([64]))
    ).loss
    graph.output("loss", loss)
    graph.cut(Graph.backwardSegment)
    graph.output("gradient", try #require(graph.gradients(of: loss, withRespectTo: [weight])[0]))
    let costs = ScheduleCosts(Scheduler(graph), limits: Self.limits) { _, _, _ in 0 }
    #expect(RecomputationCandidates(costs).steps.isEmpty)
  }

  /// What is live adds up to the bound at its peak, and tells what is computed again.
  @Test func timelinesAddUpToTheBound() throws {
    let graph = Self.network()
    let free = try Self.planned(graph, within: nil).plan
    let tight = try Self.planned(graph, within: Self.smallestBudget(graph)).plan
    for plan in [free, tight] {
      let timeline = MemoryTimeline(plan, limits: Self.limits)
      let totals = timeline.byteCounts.map { $0.reduce(0, +) }
      #expect(totals.count == plan.steps.count && totals.max() == plan.lowerBound)
      #expect(totals[timeline.peak] == plan.lowerBound)
      let most = (0..<4).map { index in timeline.byteCounts.map { $0[index] }.max() ?? 0 }
      let recomputed = MemoryTimeline.Category.recomputed.rawValue
      #expect((most[recomputed] > 0) == plan.steps.contains { $0.isRepeated })
      #expect(most[MemoryTimeline.Category.workspace.rawValue] == Self.limits.rounded(700))
      #expect(most[0] > 0 && most[2] > 0)
    }
  }

  /// Updates run as soon as their gradients are complete, and after the last reader of what they
  /// overwrite.
  @Test func updatesMoveIntoTheBackwardPass() throws {
    let graph = Self.updating()
    let plain = try Plan(graph, limits: Self.limits)
    let expected = try Self.updated(graph, plain)
    let (moved, _) = try Self.planned(graph, within: nil)
    #expect(try Self.updated(graph, moved) == expected)
    #expect(moved.transientByteCount < plain.transientByteCount)
    let tight = try Self.planned(graph, within: moved.transientByteCount * 4 / 5)
    #expect(!tight.recomputation.isEmpty)
    #expect(try Self.updated(graph, tight.plan) == expected)
  }

  /// The network with `w - gradient` assigned to every weight.
  private static func updating() -> Graph {
    let graph = network()
    let gradients = Dictionary(
      uniqueKeysWithValues: graph.outputs.map { ($0.name, $0.value) })
    graph.outputs.removeAll { $0.name.hasPrefix("grad.") }
    graph.cut(Graph.updateSegment)
    for (variable, weight) in graph.trainedParameters {
      guard let id = gradients["grad." + variable.name] else { continue }
      graph.assign(weight + Tensor(graph: graph, id: id) * -1, to: weight)
    }
    return graph
  }

  /// Weights after a run.
  private static func updated(_ graph: Graph, _ plan: Plan) throws -> [TensorData] {
    let store = ReferenceBackend().makeStore(graph.variables)
    for (index, variable) in graph.variables.enumerated() {
      try store.write(values(variable.type, seed: index), to: variable.name)
    }
    let inputs = plan.inputs.enumerated().map { ($1.name, values($1.type, seed: 100 + $0)) }
    _ = try store.load(plan).run(Dictionary(uniqueKeysWithValues: inputs))
    return try graph.variables.map { try store.read($0.name) }
  }

  private static func values(_ type: TensorType, seed: Int) -> TensorData {
    TensorData(
      type, doubles: (0..<type.elementCount).map { Double(($0 * 37 + seed * 11) % 23) / 23 - 0.4 })
  }
}
