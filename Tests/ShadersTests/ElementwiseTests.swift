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

  /// Storage on a device is rounded as on the host, to the bit: to nearest even, to infinity beyond the
  /// range (loss scaling looks for it), with subnormals and NaN.
  @Test(arguments: [DType.f16, .bf16], [1, 2])
  func storesAsTheHostDoes(_ dtype: DType, stride: Int) throws {
    var values: [Float] = []
    for exponent in -30...20 {
      for step in 0..<64 {
        let value = Float(sign: .plus, exponent: exponent, significand: 1 + Float(step) * 0x1p-12)
        values += [value, -value.nextUp, value.nextDown]
      }
    }
    values += [0, -0, 65504, 65519.996, 65520, -65520, 65536, 1e30, .infinity, -.infinity, .nan]
    // GPUs make NaN of all ones, whose sum with a rounding would wrap.
    values += [0x7fff_ffff, 0xffff_ffff, 0x7fc0_0001].map { Float(bitPattern: $0) }
    // An odd count along the columns keeps a concatenation from storing pairs.
    let columns = values.count % 2 == stride % 2 ? values.count : values.count - 1
    let type = TensorType([1, columns])
    let graph = Graph()
    let x = graph.input("x", type)
    graph.output("y", Tensor.apply(SumTo(shape: [1, columns], dtype: dtype), [x])[0])
    let backend = try SharedBackend.vulkan
    let given = TensorData(type, floats: Array(values.prefix(columns)))
    let found = try backend.makeStore([]).load(backend.plan(graph)).run(["x": given])["y"]
    let expected = TensorData(TensorType([1, columns], dtype), floats: given.floats)
    let bits = { (data: TensorData) in
      data.bytes.withUnsafeBytes { Array($0.bindMemory(to: UInt16.self)) }
    }
    for (index, pair) in zip(bits(try #require(found)), bits(expected)).enumerated() {
      let value = values[index]
      if value.isNaN {
        #expect(
          TensorData(TensorType([1], dtype), bytes: [UInt8(pair.0 & 255), UInt8(pair.0 >> 8)])
            .floats[0].isNaN)
      } else {
        #expect(pair.0 == pair.1, "\(value)")
      }
    }
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
