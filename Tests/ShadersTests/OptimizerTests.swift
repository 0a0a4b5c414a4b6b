import Foundation
import Graph
import Shaders
import Testing

/// Every optimizer (AdamW, 8-bit AdamW, Lion, Adafactor, Prodigy), global norm and clipping against their
/// meaning; AdamW against torch.
@Suite struct OptimizerTests {
  @Test(arguments: OperationCase.optimizerCases)
  func kernels(_ operation: OperationCase) throws { try operation.expectKernel() }

  /// Ten steps of torch 2.13.0 (Fixtures/adamw.py), clipped at norm 1. Both sides round in f32 at
  /// every step; what they accumulate stays within 1e-6 of the tensors' size.
  @Test func tenStepsOfTorch() throws {
    let fixture = try AdamWFixture.read()
    let graph = fixture.graph()
    for backend in [try SharedBackend.vulkan, ReferenceBackend()] as [any Backend] {
      let store = try backend.makeStore(graph.variables)
      for (name, values) in zip(fixture.names("p"), fixture.initial) {
        try store.write(fixture.tensor(name, values), to: name)
      }
      let program = try store.load(backend.plan(graph))
      for step in fixture.steps {
        for (name, values) in zip(fixture.names("g"), step.gradients) {
          try store.write(fixture.tensor(name, values), to: name)
        }
        let rate = TensorData([1], [Float(fixture.settings.learningRate)])
        let norm = try program.run(["rate": rate])["norm"]
        #expect(abs((norm?.floats[0] ?? 0) / step.norm - 1) < 1e-6)
        for (role, expected) in [
          ("p", step.parameters), ("m", step.firstMoments), ("v", step.secondMoments),
        ] {
          for (name, values) in zip(fixture.names(role), expected) {
            let found = try store.read(name).hostTensor
            let error = relativeError(found, fixture.tensor(name, values).hostTensor)
            #expect(error < 1e-6, "\(name) on \(backend.description)")
          }
        }
      }
    }
  }

  /// A gradient that is not finite leaves parameters, moments and the count of updates as they are.
  @Test(arguments: [Float.nan, .infinity])
  func skipsWhatIsNotFinite(_ value: Float) throws {
    let fixture = try AdamWFixture.read()
    let graph = fixture.graph()
    let backend = try SharedBackend.vulkan
    let store = try backend.makeStore(graph.variables)
    let names = fixture.names("p") + fixture.names("m") + fixture.names("v") + ["step"]
    for (name, values) in zip(fixture.names("p"), fixture.initial) {
      try store.write(fixture.tensor(name, values), to: name)
    }
    for (name, values) in zip(fixture.names("g"), fixture.steps[0].gradients) {
      try store.write(fixture.tensor(name, values), to: name)
    }
    let program = try store.load(backend.plan(graph))
    let rate = ["rate": TensorData([1], [Float(1e-3)])]
    _ = try program.run(rate)
    let before = try names.map(store.read)
    try store.write(fixture.tensor("g2", [value]), to: "g2")
    let norm = try program.run(rate)["norm"]?.floats[0] ?? 0
    #expect(!norm.isFinite)
    #expect(try names.map(store.read) == before)
    #expect(try store.read("step").floats == [1])
  }

  /// An update under a loss scale: what comes in, and what is expected to come out.
  struct Scaling: Sendable {
    /// norm, step, lossScale, goodSteps
    let given: [Float]
    /// scale, step', lossScale', goodSteps'
    let expected: [Float]
  }

  static let scalings = [
    Scaling(given: [3 * 1024, 5, 1024, 1], expected: [1 / (3 * 1024), 6, 1024, 2]),
    Scaling(given: [0.5, 5, 1024, 2], expected: [1 / 1024, 6, 2048, 0]),
    Scaling(given: [0.5, 5, 0x1p24, 2], expected: [0x1p-24, 6, 0x1p24, 0]),
    Scaling(given: [.infinity, 5, 1024, 2], expected: [-1, 5, 512, 0]),
    Scaling(given: [.nan, 5, 1, 0], expected: [-1, 5, 0.5, 0]),
    Scaling(given: [.infinity, 5, 0x1p-24, 1], expected: [-1, 5, 0x1p-24, 0]),
  ]

  /// Halved by a norm that is not finite, doubled by the third one in a row that is; the gradients are
  /// divided by the scale they came in, which clipping at 1 does not see.
  @Test(arguments: scalings)
  func lossScaleFollowsTheGradients(_ scaling: Scaling) throws {
    let scalar = TensorType([1])
    let operation = OperationCase(
      ClipControl(maximumNorm: 1, lossScaling: .init(growthInterval: 3)),
      [scalar, scalar, scalar, scalar])
    let given = scaling.given.map { TensorData([1], [$0]) }
    for backend in [try SharedBackend.vulkan, ReferenceBackend()] as [any Backend] {
      let found = try operation.run(on: backend, given).map { Float($0.values[0]) }
      #expect(abs(found[0] / scaling.expected[0] - 1) < 1e-6)
      #expect(
        found[1] == scaling.expected[1] && Array(found[3...]) == Array(scaling.expected[2...]))
      let norm = scaling.given[0] / scaling.given[2]
      #expect(norm.isNaN ? found[2].isNaN : found[2] == norm)
    }
  }

  /// Tensors that are stored alike take one launch, wherever they lie.
  @Test func tensorsShareALaunch() throws {
    let shapes = [[64], [5], [320], [3, 100]]
    let operation = AdamW(
      beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0,
      tensors: UpdatedTensors(count: shapes.count))
    let uniform = shapes.map { TensorType($0) }
    #expect(operation.launches(Self.context(operation, uniform)).count == 1)
    let mixed = [
      TensorType([64], .bf16), TensorType([5]), TensorType([320], .bf16), TensorType([9]),
    ]
    #expect(operation.launches(Self.context(operation, mixed)).count == 2)
  }

  /// f32 gradients and moments; tables that lie in the workspace that was asked for.
  private static func context(_ operation: AdamW, _ weights: [TensorType]) -> LoweringContext {
    let states = weights.map { TensorType($0.shape) }
    let types =
      [TensorType([1]), TensorType([1]), TensorType([1])] + weights + states + states + states
    var address: UInt64 = 0
    let inputs = types.map { type in
      address += 4096
      return Binding(type: type, address: address)
    }
    let n = weights.count
    let device = DeviceTraits(
      subgroupSize: 8, isCPU: true, hasCheapBroadcast: false, sharedMemoryByteCount: 32768)
    let context = LoweringContext(
      inputs: inputs, outputs: Array(inputs[3..<3 + n] + inputs[(3 + 2 * n)...]),
      workspace: 1 << 40, device: device)
    let byteCount = operation.workspaceByteCount(
      inputs: types, outputs: context.outputs.map(\.type), device: device)
    for launch in operation.launches(context) {
      let table = launch.table
      #expect((table?.offset ?? byteCount) + (table?.bytes.count ?? 1) <= byteCount)
    }
    return context
  }
}

/// What Fixtures/adamw.py writes.
private struct AdamWFixture: Decodable {
  struct Settings: Decodable {
    let learningRate, beta1, beta2, epsilon, weightDecay: Double
    let maximumNorm: Float
  }
  struct Step: Decodable {
    let gradients, parameters, firstMoments, secondMoments: [[Float]]
    let norm: Float
  }
  let settings: Settings
  let shapes: [[Int]]
  let initial: [[Float]]
  let steps: [Step]

  static func read() throws -> AdamWFixture {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Fixtures/adamw.json")
    return try JSONDecoder().decode(AdamWFixture.self, from: Data(contentsOf: file))
  }

  func names(_ role: String) -> [String] { shapes.indices.map { "\(role)\($0)" } }

  func tensor(_ name: String, _ values: [Float]) -> TensorData {
    guard let index = Int(name.dropFirst()) else { preconditionFailure(name) }
    return TensorData(shapes[index], values)
  }

  /// Clipping and update over variables p, g, m, v and step; input `rate`, output `norm`.
  func graph() -> Graph {
    let graph = Graph()
    let declare = { (role: String) in
      zip(names(role), shapes).map { graph.variable($0, TensorType($1), .state) }
    }
    let (p, g, m, v) = (declare("p"), declare("g"), declare("m"), declare("v"))
    let step = graph.variable("step", TensorType([1]), .state)
    let norm = Tensor.apply(GlobalNorm(), g)[0]
    graph.output("norm", norm)
    let clip = ClipControl(maximumNorm: settings.maximumNorm)
    let control = Tensor.apply(clip, [norm, step])
    graph.assign(control[1], to: step)
    let operation = AdamW(
      beta1: settings.beta1, beta2: settings.beta2, epsilon: settings.epsilon,
      weightDecay: settings.weightDecay, tensors: UpdatedTensors(count: shapes.count))
    let rate = graph.input("rate", TensorType([1]))
    let updated = Tensor.apply(operation, [rate, control[1], control[0]] + p + g + m + v)
    for (value, target) in zip(updated, p + m + v) { graph.assign(value, to: target) }
    return graph
  }
}
