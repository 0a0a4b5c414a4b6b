extension OperationCase {
  /// Every case that kernels are checked with: all operations, forward and gradient, awkward shapes,
  /// every storage.
  public static let kernelCases: [OperationCase] =
    productKernelCases + convolutionKernelCases + attentionKernelCases + normCases
    + elementwiseCases + largeElementwiseCases + shapeCases + largeShapeCases + clampCases
    + lossCases + randomCases + optimizerCases
}
