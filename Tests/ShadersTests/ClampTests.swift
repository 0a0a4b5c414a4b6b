import Graph
import Testing

@Suite struct ClampTests {
  /// Nothing is computed: the kernel chooses among its inputs, and both sides round alike.
  @Test(arguments: OperationCase.clampCases)
  func kernelIsExact(_ operation: OperationCase) throws {
    let data = operation.makeInputs()
    let expected = try operation.run(on: ReferenceBackend(exact: false), data)
    #expect(try operation.run(on: SharedBackend.vulkan, data) == expected)
  }

  /// Piecewise linear: central differences are exact but for rounding (1e-12).
  @Test(arguments: OperationCase.clampCases.filter { !$0.differentiable.isEmpty })
  func gradient(_ operation: OperationCase) {
    #expect(operation.checkGradient().worst < 1e-9)
  }
}
