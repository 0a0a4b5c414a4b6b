import Graph
import Testing

/// Pointwise operations and sums against their meaning.
@Suite struct ElementwiseTests {
  @Test(arguments: OperationCase.elementwiseCases)
  func small(_ operation: OperationCase) throws { try operation.expectKernel() }

  @Test(arguments: OperationCase.largeElementwiseCases)
  func large(_ operation: OperationCase) throws { try operation.expectKernel() }

  /// Copies within one storage keep every bit, whatever it means as a number.
  @Test(arguments: DType.allCases)
  func copyKeepsBits(_ dtype: DType) throws {
    let count = 64_007
    let type = TensorType([count], dtype)
    let bytes = (0..<type.byteCount).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ $0 >> 8) }
    let data = TensorData(type, bytes: bytes)
    let graph = Graph()
    graph.output("y", Tensor.apply(Copy(), [graph.input("x", type)])[0])
    let backend = try SharedBackend.vulkan
    let program = try backend.makeStore([]).load(backend.plan(graph))
    #expect(try program.run(["x": data])["y"] == data)
  }

  /// A sum of a million terms of one sign keeps the precision of a short one.
  @Test(arguments: [([1, 1], [1 << 20, 1]), ([1, 3], [350_000, 3]), ([1, 1], [1023, 1025])])
  func longSums(_ shapes: ([Int], [Int])) throws {
    try OperationCase(
      SumTo(shape: shapes.0), [TensorType(shapes.1)], fills: [0: .uniform(0.5, 1)]
    ).expectKernel(tolerance: 2e-7)
  }

  /// A value that is not finite must stay visible: the update is skipped because of it.
  @Test(arguments: Activation.allCases)
  func notANumberStays(_ activation: Activation) throws {
    let fills: [Int: InputFill] = [0: .values([.nan, 1])]
    for operation in [
      OperationCase(Activate(activation), [TensorType([2])], fills: fills),
      OperationCase(
        ActivateGradient(activation), [TensorType([2]), TensorType([2])], fills: fills),
    ] {
      let y = try operation.run(on: SharedBackend.vulkan, operation.makeInputs())[0].values
      #expect(y[0].isNaN && y[1].isFinite)
    }
  }

  /// Far from zero: no overflow inside, the limits outside.
  @Test(arguments: Activation.allCases)
  func extremes(_ activation: Activation) throws {
    let operation = OperationCase(
      Activate(activation), [TensorType([4])], fills: [0: .values([-200, 200, -3e38, 3e38])])
    let y = try operation.run(on: SharedBackend.vulkan, operation.makeInputs())[0].values
    #expect(y[0] == 0 && y[1] == 200 && y[2] == 0 && y[3] == Double(Float(3e38)))
  }
}
