import Graph
import Testing

/// Group and layer norm against their meaning.
@Suite struct NormTests {
  @Test(arguments: OperationCase.normCases)
  func kernels(_ operation: OperationCase) throws { try operation.expectKernel() }

  /// A mean of 1000 standard deviations: a variance by `E[x^2] - E[x]^2` would have no correct
  /// digit. The inputs' own f32 spacing (6e-8 of the mean) is 6e-5 of the deviation, and the mean is
  /// known to about a hundredth of it.
  @Test(arguments: [[2, 30, 31, 16], [2, 70, 71, 16]])  // by groups, and by rows
  func varianceAroundTheMean(_ shape: [Int]) throws {
    let fills: [Int: InputFill] = [0: .uniform(999, 1001)]
    let x = TensorType(shape)
    let channels = TensorType([16])
    try OperationCase(GroupNorm(groups: 4, epsilon: 1e-5), [x, channels, channels], fills: fills)
      .expectKernel(tolerance: 3e-5)
    try OperationCase(LayerNorm(epsilon: 1e-5), [x, channels, channels], fills: fills)
      .expectKernel(tolerance: 3e-5)
  }

  /// Constant input: the variance is zero, and epsilon alone scales.
  @Test(arguments: [50, 9000])  // by groups, and by rows
  func constantInput(places: Int) throws {
    let fills: [Int: InputFill] = [0: .values([3.25])]
    let (x, channels) = (TensorType([1, places, 8]), TensorType([8]))
    try OperationCase(GroupNorm(groups: 2, epsilon: 1e-6), [x, channels, channels], fills: fills)
      .expectKernel()
    try OperationCase(LayerNorm(epsilon: 1e-6), [x, channels, channels], fills: fills)
      .expectKernel()
  }
}
