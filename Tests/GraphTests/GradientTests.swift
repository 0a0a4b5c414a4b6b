import Graph
import Testing

/// Reverse mode: sums over uses, nothing for what is frozen, nil for what does not matter.
@Suite struct GradientTests {
  private func names(_ graph: Graph, from first: Int = 0) -> [String] {
    graph.nodes[first...].map(\.operation.name)
  }

  /// d/dx sum(x x + 3 x) = 2 x + 3
  @Test func usesAddUp() throws {
    let graph = Graph()
    let x = graph.input("x", TensorType([4]))
    let scalar = (x * x + x * 3).summed(to: [1])
    let gradients = graph.gradients(of: scalar, withRespectTo: [x])
    graph.output("dx", try #require(gradients[0]))
    let backend = ReferenceBackend()
    let data = TensorData([4], [Float]([1, -2, 0.5, 0]))
    let dx = try backend.makeStore([]).load(backend.plan(graph)).run(["x": data])["dx"]
    #expect(dx?.floats == [5, -1, 4, 3])
  }

  @Test func whatDoesNotMatterHasNone() {
    let graph = Graph()
    let x = graph.input("x", TensorType([4]))
    let other = graph.input("other", TensorType([4]))
    let unused = other * 2
    let gradients = graph.gradients(of: x.summed(to: [1]), withRespectTo: [x, other, unused])
    #expect(gradients[0] != nil && gradients[1] == nil && gradients[2] == nil)
  }

  /// With frozen weights a norm and a product by a vector cost only what the input needs.
  @Test func frozenParametersCostNothing() {
    let graph = Graph()
    let frozen = Variable.Kind.parameter(trained: false)
    let x = graph.variable("x", TensorType([6, 8]), .parameter(trained: true))
    let weight = graph.variable("weight", TensorType([8]), frozen)
    let bias = graph.variable("bias", TensorType([8]), frozen)
    let scale = graph.variable("scale", TensorType([1, 8]), frozen)
    let y = x.layerNormalized(weight, bias, epsilon: 1e-5) * scale
    let scalar = y.summed(to: [1, 1])
    let first = graph.nodes.count
    _ = graph.gradients(of: scalar, withRespectTo: [x])
    #expect(names(graph, from: first) == ["fill", "repeat", "multiply", "layer_norm_gradient"])
    #expect(graph.nodes.last?.outputs.count == 1)
  }

  /// What lies before the targets is not differentiated.
  @Test func nothingBeforeTheTargets() {
    let graph = Graph()
    let x = graph.input("x", TensorType([2, 4]))
    let weight = graph.variable("weight", TensorType([2, 4]), .parameter(trained: true))
    let early = x.activated(.silu).activated(.gelu)
    let scalar = (early * weight).summed(to: [1, 1])
    let first = graph.nodes.count
    _ = graph.gradients(of: scalar, withRespectTo: [weight])
    #expect(names(graph, from: first) == ["fill", "repeat", "multiply"])
  }

  /// The plan drops what no output needs.
  @Test func deadWorkIsNotPlanned() throws {
    let graph = Graph()
    let x = graph.input("x", TensorType([4]))
    _ = x.activated(.gelu)
    graph.output("y", (x * 2).reshaped(to: [2, 2]))
    let plan = try ReferenceBackend().plan(graph)
    #expect(plan.steps.map(\.operation.name) == ["scale"])
  }

  /// Sums of gradients ride on the operations that make the terms; the values are those of the rules
  /// with sums of their own.
  @Test func operationsAddToTheGradientBefore() throws {
    let graph = Graph()
    let x = graph.input("x", TensorType([2, 3, 8]))
    let first = graph.input("first", TensorType([4, 8]))
    let second = graph.input("second", TensorType([4, 8]))
    let scale = graph.input("scale", TensorType([8]))
    // x is used by two products, a norm, and itself.
    let normalized = x.layerNormalized(scale, scale, epsilon: 1e-5)
    let y = x.linear(first) * x.linear(second)
    let z = (normalized + x) * x
    let scalar = y.summed(to: [1, 1, 1]) + z.summed(to: [1, 1, 1])
    let targets = [x, first, second, scale]
    let gradients = graph.gradients(of: scalar, withRespectTo: targets)
    for (index, gradient) in gradients.enumerated() {
      graph.output("d\(index)", try #require(gradient))
    }
    let backend = ReferenceBackend()
    let plan = try backend.plan(graph)
    let types = plan.inputs.map(\.type)
    var inputs = Dictionary(
      uniqueKeysWithValues: zip(plan.inputs.map(\.name), types).map { name, type in
        (
          name,
          TensorData(type, doubles: (0..<type.elementCount).map { Double($0 * 7 % 11) / 5 - 1 })
        )
      })
    graph.output("scalar", scalar)
    let value = try backend.makeStore([]).load(backend.plan(graph))
    let found = try backend.makeStore([]).load(plan).run(inputs)
    #expect(plan.steps.contains { ($0.operation as? MatrixProduct)?.hasResidual == true })
    #expect(plan.steps.contains { ($0.operation as? LayerNormGradient)?.hasResidual == true })
    for (index, name) in ["x", "first", "second", "scale"].enumerated() {
      let data = try #require(inputs[name])
      let gradient = try #require(found["d\(index)"]).floats
      for element in 0..<data.type.elementCount {
        var values = data.floats.map(Double.init)
        let moved = try [1e-2, -1e-2].map { step in
          values[element] = Double(data.floats[element]) + step
          inputs[name] = TensorData(data.type, doubles: values)
          return Double(try #require(value.run(inputs)["scalar"]).floats[0])
        }
        inputs[name] = data
        #expect(abs((moved[0] - moved[1]) / 2e-2 - Double(gradient[element])) < 2e-2)
      }
    }
  }

  @Test func aTensorIsNoScalar() async {
    await #expect(processExitsWith: .failure) {
      let graph = Graph()
      let x = graph.input("x", TensorType([4]))
      _ = graph.gradients(of: x, withRespectTo: [x])
    }
  }
}
