import Graph
import Model
import Shaders
import Testing
import Train

/// Recomputation of a training step on a device: the UNet's gradients have the same bits under every
/// budget, and what is allocated is what was planned.
@Suite struct RecomputationTests {
  private static let shape = Tiny.shape(samples: 2, height: 32, width: 32)

  private static func graph() -> Graph {
    MicroStep.graph(
      shape, gradients: .replace, denoiser: UNetRunner.denoiser(Tiny.configuration.unet))
  }

  private static func run(_ plan: Plan, _ backend: VulkanBackend) throws -> [String: TensorData] {
    let store = try backend.makeStore(plan.variables)
    try Tiny.weights.load(plan.variables, into: store)
    var results = try store.load(plan).run(Tiny.inputs(plan))
    for variable in plan.variables where variable.kind == .state {
      results[variable.name] = try store.read(variable.name)
    }
    var demand = StoreDemand()
    demand.add(plan, limits: backend.planningLimits)
    #expect(
      try store.allocatedByteCount
        == VariableLayout(plan.variables, limits: backend.planningLimits).byteCount
        + plan.transientByteCount + backend.stepBlockByteCount(demand))
    return results
  }

  @Test func gradientsHaveTheSameBitsUnderEveryBudget() throws {
    let backend = try SharedBackend.vulkan
    let free = try backend.plan(Self.graph())
    let expected = try Self.run(free, backend)
    #expect(expected.values.allSatisfy { $0.floats.allSatisfy(\.isFinite) })
    let error = #expect(throws: MemoryBudgetError.self) {
      _ = try backend.plan(Self.graph(), within: 1)
    }
    let smallest = try #require(error).neededByteCount
    #expect(smallest < free.transientByteCount)
    var seen: Set<String> = []
    for part in 0..<4 {
      let budget = smallest + (free.transientByteCount - smallest) * part / 4
      let (plan, recomputation) = try backend.plan(Self.graph(), within: budget)
      #expect(plan.transientByteCount <= budget && !recomputation.isEmpty)
      seen.formUnion(recomputation.operations.keys)
      let found = try Self.run(plan, backend)
      let differing = expected.filter { found[$0.key] != $0.value }
      #expect(differing.isEmpty, "\(differing.keys.sorted().prefix(3))")
    }
    let all = [
      "group_norm", "layer_norm", "geglu", "matrix_product", "attention", "convolution_2d",
    ]
    #expect(seen.isSuperset(of: all), "\(seen)")
  }
}
