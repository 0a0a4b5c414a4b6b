import Graph
import Testing

/// Global norm, clipping and AdamW against their meaning.
@Suite struct OptimizerTests {
  @Test(arguments: OperationCase.optimizerCases)
  func kernels(_ operation: OperationCase) throws { try operation.expectKernel() }
}
