import Graph
import Shaders
import Testing

/// Kernels of matrix products, convolutions and attention against the CPU meaning.
@Suite struct ProductTests {
  @Test(arguments: OperationCase.productKernelCases)
  func product(_ operation: OperationCase) throws {
    try operation.expectKernel()
  }

  @Test(arguments: OperationCase.convolutionKernelCases)
  func convolution(_ operation: OperationCase) throws {
    try operation.expectKernel()
  }

  @Test(arguments: OperationCase.attentionKernelCases)
  func attention(_ operation: OperationCase) throws {
    try operation.expectKernel()
  }

  private static let cases =
    OperationCase.productKernelCases + OperationCase.convolutionKernelCases
    + OperationCase.attentionKernelCases

  /// Tiles and splits as a GPU gets them, for the cases in f32.
  @Test(arguments: cases.filter { $0.inputs.allSatisfy { $0.dtype == .f32 } })
  func tilesOfGPUs(_ operation: OperationCase) throws {
    try operation.lowered(by: KernelVariant(isGPUShaped: true)).expectKernel()
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
