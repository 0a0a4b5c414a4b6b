import Graph
import Testing

/// Every gradient rule against central differences in Double.
@Suite struct OperationGradientTests {
  /// Step 1e-4 leaves a truncation error of about 1e-8 times the third derivative, and 1e-12 of
  /// rounding: 1e-6 is far above both and far below any wrong rule.
  private let tolerance = 1e-6

  @Test(arguments: OperationCase.elementwiseCases.filter { !$0.differentiable.isEmpty })
  func elementwise(_ operation: OperationCase) {
    #expect(operation.checkGradient().worst < tolerance)
  }

  @Test(arguments: OperationCase.shapeCases.filter { !$0.differentiable.isEmpty })
  func shape(_ operation: OperationCase) {
    #expect(operation.checkGradient().worst < tolerance)
  }

  @Test(arguments: OperationCase.normGradientCases)
  func norm(_ operation: OperationCase) {
    #expect(operation.checkGradient().worst < tolerance)
  }

  @Test(arguments: OperationCase.lossGradientCases)
  func loss(_ operation: OperationCase) {
    #expect(operation.checkGradient().worst < tolerance)
  }
}
