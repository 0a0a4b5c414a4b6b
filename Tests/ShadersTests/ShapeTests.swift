import Graph
import Testing

/// Operations that move values, and time embeddings, against their meaning.
@Suite struct ShapeTests {
  @Test(arguments: OperationCase.shapeCases)
  func small(_ operation: OperationCase) throws { try operation.expectKernel() }

  @Test(arguments: OperationCase.largeShapeCases)
  func large(_ operation: OperationCase) throws { try operation.expectKernel() }

  /// Every width's frequencies are those of the meaning, to the bit: one wrong last place moves an
  /// angle of 1000 by 6e-5.
  @Test(arguments: [2, 8, 32, 34, 48, 66, 96, 100, 128, 250, 256, 320, 514, 640, 1280, 2000])
  func timestepFrequencies(_ dimension: Int) throws {
    let times: [Double] = [1000, 999.4375, 8191, 1]
    try OperationCase(
      TimestepEmbedding(dimension: dimension), [TensorType([4])], fills: [0: .values(times)]
    ).expectKernel(tolerance: 2e-7)
  }

  /// An id beyond the table reads within it.
  @Test func idsOutsideTheTable() throws {
    let operation = OperationCase(
      Embedding(), [TensorType([3, 5]), TensorType([2], .i32)], fills: [1: .values([7, -1])])
    let inputs = operation.makeInputs()
    let y = try operation.run(on: SharedBackend.vulkan, inputs)[0].values
    let last = Array(inputs[0].hostTensor.values.suffix(5))
    #expect(y == last + last)
  }
}
