import Graph
import Testing

/// Plans: every operation finds its inputs as they were written.
@Suite struct PlanTests {
  /// A graph of random pointwise operations on tensors of several sizes.
  private func randomGraph(_ seed: Int) -> Graph {
    var random = SplitMix(seed: UInt64(seed))
    let graph = Graph()
    let sizes = [5, 64, 100, 700]
    var pools = sizes.enumerated().map { index, size in
      [graph.input("x\(index)", TensorType([size]))]
    }
    for _ in 0..<60 {
      let pool = Int.random(in: 0..<sizes.count, using: &random)
      let a = pools[pool].randomElement(using: &random) ?? pools[pool][0]
      let b = pools[pool].suffix(4).randomElement(using: &random) ?? a
      let result =
        switch Int.random(in: 0..<4, using: &random) {
        case 0: a * 0.5
        case 1: a.reshaped(to: [1, a.shape[0]]).reshaped(to: a.shape) + b
        case 2: a + b.summed(to: [1])
        default: a + b
        }
      pools[pool].append(result)
    }
    for (index, pool) in pools.enumerated() {
      graph.output("last\(index)", pool[pool.count - 1])
      graph.output("early\(index)", pool[pool.count / 2])
    }
    return graph
  }

  /// Replays a plan on slots of 256 bytes: each read finds one writer in all its slots, the one that
  /// wrote at that very place.
  @Test(arguments: 0..<20)
  func nothingIsOverwrittenTooEarly(_ seed: Int) throws {
    let graph = randomGraph(seed)
    let limits = PlanningLimits(arenaByteCount: 1 << 14)
    let plan = try Plan(graph, limits: limits) { _, _, _ in 300 }
    var owners: [Int: Int] = [:]  // slot to step
    var starts: [Int: Int] = [:]  // step to offset of its result
    let slots = { (offset: Int, byteCount: Int) in
      offset / 256..<(offset + byteCount + 255) / 256
    }
    let checkRead = { (placed: Plan.Placed) in
      guard case .transient(let offset) = placed.location else { return }
      let found = Set(slots(offset, placed.type.byteCount).map { owners[$0] ?? -1 })
      let writer = found.first ?? -1
      #expect(found.count == 1 && starts[writer] == offset)
    }
    for (index, step) in plan.steps.enumerated() {
      step.inputs.forEach(checkRead)
      if let workspace = step.workspace {
        for slot in slots(workspace.offset, workspace.byteCount) { owners[slot] = -2 }
        step.inputs.forEach(checkRead)
      }
      for placed in step.outputs {
        guard case .transient(let offset) = placed.location else { continue }
        #expect(offset % limits.alignment == 0)
        #expect(offset + placed.type.byteCount <= plan.transientByteCount)
        for slot in slots(offset, placed.type.byteCount) { owners[slot] = index }
        starts[index] = offset
      }
      step.inputs.forEach(checkRead)  // results lie beside what is read
    }
    plan.outputs.map(\.value).forEach(checkRead)
    #expect(plan.transientByteCount >= plan.lowerBound)
  }

  /// The same graphs by places and by values give the same numbers.
  @Test(arguments: 0..<20)
  func placesGiveTheSameNumbers(_ seed: Int) throws {
    let graph = randomGraph(seed)
    let backend = ReferenceBackend()
    var values: [Int: HostTensor] = [:]
    var inputs: [String: TensorData] = [:]
    for (id, value) in graph.values.enumerated() {
      guard case .input(let name) = value.source else { continue }
      let data = TensorData(
        value.type, doubles: (0..<value.type.elementCount).map { Double($0 % 17) - 8 })
      inputs[name] = data
      values[id] = data.hostTensor
    }
    for node in graph.nodes {
      let results = node.operation.evaluate(
        node.inputs.compactMap { values[$0] }, outputs: node.outputs.map { graph.values[$0].type })
      for (id, result) in zip(node.outputs, results) { values[id] = result }
    }
    let found = try backend.makeStore([]).load(backend.plan(graph)).run(inputs)
    for (name, id) in graph.outputs { #expect(found[name] == values[id]?.data) }
  }

  @Test func tensorsLargerThanAnArenaAreAnError() throws {
    let graph = Graph()
    let x = graph.input("x", TensorType([5000]))
    graph.output("y", x * 2)
    #expect(throws: InputError.self) {
      _ = try Plan(graph, limits: PlanningLimits(arenaByteCount: 16384))
    }
  }
}
