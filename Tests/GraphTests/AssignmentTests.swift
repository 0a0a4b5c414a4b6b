import Graph
import Testing

/// Writing results to variables: in place where that is safe, through a copy where it is not.
@Suite struct AssignmentTests {
  private let type = TensorType([3])
  private let start = TensorData([3], [Float]([1, 2, 3]))

  private func copies(_ graph: Graph) -> Int { graph.nodes.filter { $0.operation is Copy }.count }

  /// Runs a graph over the variable `state` once; returns its outputs and what state holds then.
  private func run(_ graph: Graph) throws -> (outputs: [String: TensorData], state: [Float]) {
    let backend = ReferenceBackend()
    let store = backend.makeStore(graph.variables)
    try store.write(start, to: "state")
    let outputs = try store.load(backend.plan(graph)).run([:])
    return (outputs, try store.read("state").floats)
  }

  @Test func elementwiseResultsAreWrittenInPlace() throws {
    let graph = Graph()
    let state = graph.variable("state", type, .state)
    graph.assign(state * 2, to: state)
    #expect(copies(graph) == 0)
    #expect(try run(graph).state == [2, 4, 6])
  }

  /// `b - a` reads the variable as its second input, which may not be overwritten while it is read.
  @Test func otherInputsForceACopy() throws {
    let graph = Graph()
    let state = graph.variable("state", type, .state)
    let doubled = state * 2
    graph.assign(doubled + state, to: state)
    #expect(copies(graph) == 1)
    #expect(try run(graph).state == [3, 6, 9])
  }

  @Test func laterReadersSeeTheOldValue() throws {
    let graph = Graph()
    let state = graph.variable("state", type, .state)
    let doubled = state * 2
    graph.output("old", state * 10)
    graph.assign(doubled, to: state)
    #expect(copies(graph) == 1)
    let (outputs, after) = try run(graph)
    #expect(outputs["old"]?.floats == [10, 20, 30])
    #expect(after == [2, 4, 6])
  }

  @Test func laterReadersOfAnAliasSeeTheOldValue() throws {
    let graph = Graph()
    let state = graph.variable("state", type, .state)
    let column = state.reshaped(to: [3, 1])
    let doubled = state * 2
    graph.output("old", column * 10)
    graph.assign(doubled, to: state)
    #expect(copies(graph) == 1)
    let (outputs, after) = try run(graph)
    #expect(outputs["old"]?.floats == [10, 20, 30])
    #expect(after == [2, 4, 6])
  }

  @Test func inputsAndAliasesAreCopied() throws {
    let graph = Graph()
    let x = graph.input("x", type)
    let a = graph.variable("a", type, .state)
    let b = graph.variable("b", type, .state)
    graph.assign(x, to: a)
    graph.assign((x * 3).reshaped(to: [3]).reshaped(to: [3, 1]).reshaped(to: [3]), to: b)
    #expect(copies(graph) == 2)
    let backend = ReferenceBackend()
    let store = backend.makeStore(graph.variables)
    _ = try store.load(backend.plan(graph)).run(["x": start])
    #expect(try store.read("a").floats == [1, 2, 3])
    #expect(try store.read("b").floats == [3, 6, 9])
  }

  @Test func oneResultForTwoVariables() throws {
    let graph = Graph()
    let state = graph.variable("state", type, .state)
    let other = graph.variable("other", type, .state)
    let doubled = state * 2
    graph.assign(doubled, to: state)
    graph.assign(doubled, to: other)
    let backend = ReferenceBackend()
    let store = backend.makeStore(graph.variables)
    try store.write(start, to: "state")
    _ = try store.load(backend.plan(graph)).run([:])
    #expect(try store.read("state").floats == [2, 4, 6])
    #expect(try store.read("other").floats == [2, 4, 6])
  }

  @Test func assigningTwiceTraps() async {
    await #expect(processExitsWith: .failure) {
      let graph = Graph()
      let state = graph.variable("state", TensorType([3]), .state)
      graph.assign(state * 2, to: state)
      graph.assign(state * 3, to: state)
    }
  }

  @Test func assigningAnotherTypeTraps() async {
    await #expect(processExitsWith: .failure) {
      let graph = Graph()
      let state = graph.variable("state", TensorType([3]), .state)
      graph.assign(state.converted(to: .f16), to: state)
    }
  }

  /// What is read after the assignment would be the new value: the verifier refuses.
  @Test func readingAfterOverwritingTraps() async {
    await #expect(processExitsWith: .failure) {
      let graph = Graph()
      let state = graph.variable("state", TensorType([3]), .state)
      graph.assign(state * 2, to: state)
      graph.output("old", state * 10)
      graph.verify()
    }
  }
}
