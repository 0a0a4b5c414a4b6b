import Graph
import Shaders
import Testing
import VKRuntime

/// The backend's own work: variables, in-place assignment, replays, runs in flight.
@Suite struct VulkanBackendTests {
  @Test(arguments: [DType.f32, .f16, .bf16])
  func copyConvertsStorage(to dtype: DType) throws {
    let type = TensorType([3, 1001])
    let check = OperationCase(Copy(dtype: dtype), [type], fills: [0: .uniform(-4, 4)])
    // Both sides round the same f32 values to nearest even: nothing may differ.
    let expected = try check.run(on: ReferenceBackend(exact: false), check.makeInputs())
    let found = try check.run(on: SharedBackend.vulkan, check.makeInputs())
    #expect(found == expected)
  }

  @Test func variablesKeepWhatIsAssigned() throws {
    let graph = Graph()
    let x = graph.input("x", TensorType([5]))
    let state = graph.variable("state", TensorType([5]), .state)
    graph.output("before", Tensor.apply(Copy(), [state])[0])
    graph.assign(Tensor.apply(Copy(), [x])[0], to: state)
    let backend = try SharedBackend.vulkan
    let store = try backend.makeStore(graph.variables)
    let program = try store.load(backend.plan(graph))
    let (a, b) = (
      TensorData([5], [Float](repeating: 2, count: 5)), TensorData([5], [Float]([1, 2, 3, 4, 5]))
    )
    #expect(try program.run(["x": a])["before"] == TensorData(zeros: TensorType([5])))
    // Two runs in flight, each with its own step block.
    let runs = try [program.submit(["x": b]), program.submit(["x": a])]
    #expect(try runs[0].wait()["before"] == a)
    #expect(try runs[1].wait()["before"] == b)
    #expect(try store.read("state") == a)
    try store.write(b, to: "state")
    #expect(try program.run(["x": a])["before"] == b)
  }

  @Test func allocationIsWhatThePlanSays() throws {
    let graph = Graph()
    let x = graph.input("x", TensorType([1000]))
    let y = Tensor.apply(Copy(dtype: .f16), [x])[0]
    graph.output("y", Tensor.apply(Copy(dtype: .f32), [y])[0])
    let device = try Device()
    let backend = VulkanBackend(device)
    let plan = try backend.plan(graph)
    let store = try backend.makeStore([])
    let program = try store.load(plan)
    #expect(program.plan.transientByteCount >= plan.lowerBound)
    #expect(store.allocatedByteCount == Int(device.memoryStatistics.byteCount))
  }
}
