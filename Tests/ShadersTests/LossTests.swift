import Graph
import Testing

/// Losses for each sample and their gradients against their meaning.
@Suite struct LossTests {
  @Test(arguments: OperationCase.lossCases)
  func kernels(_ operation: OperationCase) throws { try operation.expectKernel() }
}
