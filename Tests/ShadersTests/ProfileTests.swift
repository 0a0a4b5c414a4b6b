import Graph
import Testing

@testable import Shaders

/// Launches timed one by one, and barriers between them.
@Suite struct ProfileTests {
  /// Two independent chains of products that add to a variable.
  private static func graph() -> Graph {
    let graph = Graph()
    let x = graph.input("x", TensorType([256, 256]))
    let count = graph.variable("count", TensorType([256, 256]), .state)
    var (a, b) = (x, x * 0.5)
    for _ in 0..<50 {
      (a, b) = (a.product(x) * 0.05, b.product(x) * 0.05)
    }
    let sum = a + b
    graph.output("sum", sum)
    graph.assign(count + sum, to: count)
    return graph
  }

  private static let x = TensorData(
    [256, 256], (0..<65536).map { Float($0 % 13) / 13 - 0.4 })

  @Test func timesEveryLaunch() throws {
    let graph = Self.graph()
    let backend = try SharedBackend.vulkan
    let store = try backend.makeStore(graph.variables)
    let program = try #require(try store.load(backend.plan(graph)) as? VulkanProgram)
    // Mesa compiles kernels at their first launch.
    let sum = try #require(try program.run(["x": Self.x])["sum"])
    // The machine does other things too: the best of several runs counts.
    let totals = try (0..<5).map { _ in
      let run = try program.submit(["x": Self.x])
      _ = try run.wait()
      let times = try #require(run.deviceTimes)
      return times.end - times.start
    }
    let profiles = try (0..<5).map { _ in try program.profile(["x": Self.x]) }
    let sums = profiles.map { $0.reduce(0) { $0 + $1.nanoseconds } * 1e-9 }
    let (total, launched) = (totals.min() ?? 0, sums.min() ?? 0)
    #expect(launched > total / 2 && launched < total * 2, "\(launched) s of \(total) s")

    let profile = profiles[0]
    #expect(profile.count == program.launchCount && profile.count > 64)
    #expect(profile.allSatisfy { $0.nanoseconds > 0 })
    let steps = program.plan.steps
    #expect(profile.map(\.step) == profile.map(\.step).sorted())
    #expect(Set(profile.map(\.step)) == Set(steps.indices))
    #expect(profile.allSatisfy { $0.operation == steps[$0.step].operation.name })
    #expect(profile.allSatisfy { $0.shader.hasSuffix(".comp") })
    let flops = Dictionary(
      profile.map { ($0.step, $0.operationFlopCount) }, uniquingKeysWith: { first, _ in first })
    #expect(flops.values.reduce(0, +) == program.plan.flopCount)

    // A profile is a run like any other: 11 were added.
    var expected = [Float](repeating: 0, count: 65536)
    for _ in 0..<11 { for (i, value) in sum.floats.enumerated() { expected[i] += value } }
    #expect(try store.read("count").floats == expected)
    #expect(try program.run(["x": Self.x])["sum"] == sum)
  }

  @Test func independentLaunchesHaveNoBarrier() throws {
    let backend = try SharedBackend.vulkan
    let graph = Graph()
    let x = graph.input("x", TensorType([64]))
    let (a, b) = (x * 2, x * 3)
    graph.output("sum", a + b)
    let store = try backend.makeStore([])
    let program = try #require(try store.load(backend.plan(graph)) as? VulkanProgram)
    #expect(program.launchCount == 3 && program.barrierCount == 1)
  }

  /// Sums of parts and their sum are two launches of one step.
  @Test func launchesOfOneOperationSeeEachOther() throws {
    let backend = try SharedBackend.vulkan
    let graph = Graph()
    let x = graph.input("x", TensorType([20_000]))
    graph.output("norm", Tensor.apply(GlobalNorm(), [x])[0])
    let store = try backend.makeStore([])
    let program = try #require(try store.load(backend.plan(graph)) as? VulkanProgram)
    #expect(program.launchCount == 2 && program.barrierCount == 1)
  }
}
