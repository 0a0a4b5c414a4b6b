import Graph
import Shaders
import Testing

/// Kernels lowered as for a GPU, so that the code that only GPUs take is checked without one.
@Suite struct GPUShapeTests {
  private static let cases =
    OperationCase.largeElementwiseCases + OperationCase.normCases + OperationCase.largeShapeCases
    + OperationCase.lossCases + OperationCase.randomCases + OperationCase.optimizerCases

  /// Cases in f32: storage is the same code in both shapes.
  @Test(arguments: cases.filter { $0.inputs.allSatisfy { [.f32, .i32].contains($0.dtype) } })
  func kernels(_ operation: OperationCase) throws {
    try operation.lowered(by: KernelVariant(isGPUShaped: true)).expectKernel()
  }
}
