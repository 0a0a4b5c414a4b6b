import Graph
import Testing

@testable import Model

/// A graph whose inputs and weights follow from their names and a seed, so that any backend can run
/// it without a file: for sizes that no reference file has.
struct SeededModel {
  let graph = Graph()
  let parameters: ParameterSource
  let seed: UInt64
  private var data: [String: TensorData] = [:]

  init(seed: UInt64, trainable: @escaping (String) -> Bool = { _ in false }) {
    self.seed = seed
    parameters = ParameterSource(graph, trainable: trainable)
  }

  /// An input of standard deviation 1.
  mutating func input(_ name: String, _ shape: [Int]) -> Tensor {
    data[name] = TensorData(shape, SyntheticTensors.inputs(name, shape: shape, seed: seed))
    return graph.input(name, TensorType(shape))
  }

  /// An input of whole numbers from 0 up to a limit.
  mutating func indices(_ name: String, _ shape: [Int], below limit: Int) -> Tensor {
    let uniform = SyntheticTensors.uniform(name, count: shape.reduce(1, *), seed: seed)
    return indices(name, shape, uniform.map { Int32(($0 + 1) / 2 * Float(limit)) })
  }

  /// An input of given whole numbers.
  mutating func indices(_ name: String, _ shape: [Int], _ values: [Int32]) -> Tensor {
    data[name] = TensorData(shape, values)
    return graph.input(name, TensorType(shape, .i32))
  }

  /// The outputs of the CPU evaluator, which the reference files have shown to be right, and of the
  /// device.
  func run() throws -> [(name: String, expected: HostTensor, found: HostTensor)] {
    let expected = try run(on: ReferenceBackend())
    let found = try run(on: TestedBackend.vulkan.make())
    #expect(found.count == expected.count)
    return try expected.sorted { $0.key < $1.key }.map { name, tensor in
      (name, tensor.hostTensor, try #require(found[name]).hostTensor)
    }
  }

  private func run(on backend: any Backend) throws -> [String: TensorData] {
    let store = try backend.makeStore(graph.variables)
    for variable in graph.variables {
      let shape = variable.type.shape
      let values = SyntheticTensors.weight(variable.name, shape: shape, seed: seed)
      try store.write(TensorData(shape, values), to: variable.name)
    }
    return try store.load(backend.plan(graph)).run(data)
  }
}
