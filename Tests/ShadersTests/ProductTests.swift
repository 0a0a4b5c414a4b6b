import Graph
import Shaders
import Testing

/// Kernels of matrix products, convolutions and attention against the CPU meaning.
@Suite struct ProductTests {
  /// Sums of up to about 1,000 terms in f32, whose rounding errors of 6e-8 add like a random walk;
  /// 16-bit results may round the other way where f32 and Double disagree by less.
  static func tolerance(_ operationCase: OperationCase) -> Double {
    let types = operationCase.inputs.map(\.dtype)
    return types.contains(.bf16) ? 1e-3 : types.contains(.f16) ? 1e-4 : 1e-6
  }

  @Test(arguments: OperationCase.productKernelCases)
  func product(_ operationCase: OperationCase) throws {
    try check(operationCase)
  }

  @Test(arguments: OperationCase.convolutionKernelCases)
  func convolution(_ operationCase: OperationCase) throws {
    try check(operationCase)
  }

  @Test(arguments: OperationCase.attentionKernelCases)
  func attention(_ operationCase: OperationCase) throws {
    try check(operationCase)
  }

  /// Right within the tolerance, and the same to the bit when run again.
  private func check(_ operationCase: OperationCase) throws {
    let data = operationCase.makeInputs()
    let expected = try operationCase.run(on: ReferenceBackend(), data)
    let found = try operationCase.run(on: SharedBackend.vulkan, data)
    let worst = zip(found, expected).map(relativeError).max()
    #expect((worst ?? .infinity) < Self.tolerance(operationCase))
    let again = try operationCase.run(on: SharedBackend.vulkan, data)
    #expect(again == found)
  }

  /// A diverging run shows: NaN in a query, key or value reaches the result.
  @Test(arguments: 0..<3)
  func attentionPropagatesNaN(_ input: Int) throws {
    let type = TensorType([1, 3, 8])
    let operationCase = OperationCase(Attention(heads: 1), [type, type, type])
    var data = operationCase.makeInputs()
    data[input] = TensorData(type, doubles: [.nan] + [Double](repeating: 0.5, count: 23))
    let o = try operationCase.run(on: SharedBackend.vulkan, data)[0]
    #expect(o.values.contains { $0.isNaN })
  }

  /// Scores far apart neither overflow nor lose the sum: softmax does not see a shift of them.
  @Test func attentionOfLargeScores() throws {
    let type = TensorType([1, 20, 4])
    let operationCase = OperationCase(
      Attention(heads: 1), [type, type, type], fills: [0: .uniform(-60, 60), 1: .uniform(-60, 60)])
    // Scores reach 7,000, of which f32 keeps 5e-4: a weight's relative error.
    let result = try operationCase.check(on: SharedBackend.vulkan)
    #expect(result.worst < 1e-3)
  }
}
