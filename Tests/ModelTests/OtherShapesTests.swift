import Graph
import Testing

@testable import Model

/// Sizes, seeds and shapes that no reference file has: the device against the CPU evaluator, which
/// the reference files have shown to be right.
@Suite struct OtherShapesTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var base: Int
    var multipliers: [Int]
    var depths: [Int]
    var latents: [Int]
    var tokens: Int
    var seed: UInt64
    var testDescription: String { "base \(base) x \(multipliers), latents \(latents)" }
  }

  static let cases = [
    Case(
      base: 32, multipliers: [1, 2, 4], depths: [0, 1, 2], latents: [3, 4, 12, 4], tokens: 5,
      seed: 3),
    Case(
      base: 64, multipliers: [1, 3], depths: [1, 1], latents: [1, 6, 10, 4], tokens: 154, seed: 8),
  ]

  @Test(arguments: cases)
  func unetAndGradientsAgree(_ test: Case) throws {
    let expected = try run(test, on: ReferenceBackend())
    let found = try run(test, on: TestedBackend.vulkan.make())
    #expect(found.count == expected.count)
    let size = expected.filter { $0.key.hasPrefix("grad.") }.values
      .reduce(0.0) { $0 + $1.hostTensor.values.reduce(0) { $0 + $1 * $1 } }.squareRoot()
    for (name, tensor) in expected {
      let other = try #require(found[name]).hostTensor
      let norm = tensor.hostTensor.values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      // As for the reference files; gradients that are zero in exact arithmetic carry no digits.
      if name.hasPrefix("grad."), norm < 1e-6 * size { continue }
      let error = relativeError(other, tensor.hostTensor)
      #expect(error < (name == "prediction" ? 1e-5 : 1e-3), "\(name)")
    }
  }

  private func run(
    _ test: Case, on backend: any Backend
  ) throws -> [String: TensorData] {
    var configuration = SDXLConfiguration.tiny.unet
    configuration.baseChannels = test.base
    configuration.channelMultipliers = test.multipliers
    configuration.transformerDepths = test.depths
    configuration.middleDepth = 1
    let graph = Graph()
    let parameters = ParameterSource(graph, trainable: { _ in true })
    let n = test.latents[0]
    let shapes = [
      "latents": test.latents, "time": [n], "pooled": [n, configuration.pooledWidth],
      "context": [n, test.tokens, configuration.contextWidth], "timeIDs": [n, 6],
    ]
    var inputs: [String: Tensor] = [:]
    var data: [String: TensorData] = [:]
    for (name, shape) in shapes.sorted(by: { $0.key < $1.key }) {
      inputs[name] = graph.input(name, TensorType(shape))
      data[name] = TensorData(
        shape, SyntheticTensors.inputs(name, shape: shape, seed: test.seed))
    }
    let prediction = UNet(configuration, parameters)(
      try #require(inputs["latents"]), time: try #require(inputs["time"]),
      context: try #require(inputs["context"]), pooled: try #require(inputs["pooled"]),
      timeIDs: try #require(inputs["timeIDs"]))
    graph.output("prediction", prediction)
    let zero = Tensor.apply(Fill(value: 0), [prediction])[0]
    let weight = Tensor.apply(Fill(value: 1), [try #require(inputs["time"])])[0]
    let loss = prediction.loss(against: zero, weight: weight).loss
    let trained = graph.trainedParameters
    let gradients = graph.gradients(of: loss, withRespectTo: trained.map(\.tensor))
    for (parameter, gradient) in zip(trained, gradients) {
      graph.output("grad." + parameter.variable.name, try #require(gradient))
    }
    let store = try backend.makeStore(graph.variables)
    for variable in graph.variables {
      let values = SyntheticTensors.weight(
        variable.name, shape: variable.type.shape, seed: test.seed)
      try store.write(TensorData(variable.type.shape, values), to: variable.name)
    }
    return try store.load(backend.plan(graph)).run(data)
  }
}
