import Graph
import Testing

/// Barriers against a brute-force check of every pair of steps.
@Suite struct HazardsTests {
  private static let spaces: [MemoryAccess.Space] = [
    .transient, .variable(0), .variable(1), .input(0),
  ]

  /// Few bytes and many steps, so that conflicts are common but not everywhere.
  private static func randomSteps(_ seed: Int) -> [[MemoryAccess]] {
    var random = SplitMix(seed: UInt64(seed))
    let width = 20 + 40 * (seed % 8)
    return (0..<80).map { _ in
      (0..<Int.random(in: 0...3, using: &random)).map { _ in
        let start = Int.random(in: 0..<width, using: &random)
        return MemoryAccess(
          spaces.randomElement(using: &random) ?? .transient,
          start..<start + Int.random(in: 1...6, using: &random),
          writes: Int.random(in: 0..<3, using: &random) == 0)
      }
    }
  }

  /// Byte by byte, without `conflicts(with:)`.
  private static func mustBeOrdered(_ a: [MemoryAccess], _ b: [MemoryAccess]) -> Bool {
    a.contains { x in
      b.contains { y in
        x.space == y.space && (x.writes || y.writes)
          && !Set(x.bytes).isDisjoint(with: Set(y.bytes))
      }
    }
  }

  @Test(arguments: 0..<64)
  func separatesEveryConflictAndNothingElse(seed: Int) {
    let steps = Self.randomSteps(seed)
    let barriers = BarrierPlan(steps).isBefore
    #expect(barriers.count == steps.count && barriers[0] == false)
    var epochs: [Int] = []
    for barrier in barriers { epochs.append((epochs.last ?? 0) + (barrier ? 1 : 0)) }
    for later in steps.indices {
      for earlier in 0..<later where Self.mustBeOrdered(steps[earlier], steps[later]) {
        #expect(epochs[earlier] < epochs[later], "steps \(earlier) and \(later)")
      }
      // Each barrier is there for a step right after it and one since the barrier before.
      if barriers[later] {
        let since = (0..<later).filter { epochs[$0] == epochs[later] - 1 }
        #expect(since.contains { Self.mustBeOrdered(steps[$0], steps[later]) }, "step \(later)")
      }
    }
    #expect(barriers.contains(true) && barriers.dropFirst().contains(false))
  }

  @Test func everyKindOfHazardCounts() {
    func needsBarrier(_ first: Bool, _ second: Bool, at start: Int = 7) -> Bool {
      BarrierPlan([
        [MemoryAccess(.transient, 0..<8, writes: first)],
        [MemoryAccess(.transient, start..<start + 8, writes: second)],
      ]).count == 1
    }
    #expect(needsBarrier(true, false))  // read after write
    #expect(needsBarrier(false, true))  // write after read
    #expect(needsBarrier(true, true))  // write after write
    #expect(!needsBarrier(false, false))
    #expect(!needsBarrier(true, true, at: 8))
  }

  /// Storage of a dead value is reused, scratch memory too: both wait for whoever used it before.
  @Test func plansReuseStorageInOrder() throws {
    let graph = Graph()
    let x = graph.input("x", TensorType([100]))
    let (a, b) = (x * 2, x * 3)  // independent
    let c = a + b
    graph.output("d", c * 4)  // may lie where a or b was
    let limits = PlanningLimits()
    let plan = try Plan(graph, limits: limits) { _, _, _ in 0 }
    #expect(BarrierPlan(plan.accesses(limits)).isBefore == [false, false, true, true])
    let scratch = try Plan(graph, limits: limits) { _, _, _ in 64 }
    let uses = scratch.accesses(limits)
    #expect(uses.allSatisfy { $0.count(where: \.writes) == 2 })
    for (step, placed) in zip(uses, scratch.steps) {
      let offset = try #require(placed.workspace).offset
      #expect(step.contains(MemoryAccess(.transient, offset..<offset + 256, writes: true)))
    }
  }
}
