import Testing

@testable import Graph

/// Matrix products, convolutions and attention: values by hand, gradients by finite differences.
@Suite struct ProductTests {
  /// Central differences with step 1e-4 in Double: truncation 1e-8, cancellation 1e-12 / 1e-4.
  static let differenceTolerance = 1e-6

  @Test(arguments: OperationCase.productCases)
  func productGradient(_ operationCase: OperationCase) {
    #expect(operationCase.checkGradient().worst < Self.differenceTolerance)
  }

  @Test(arguments: OperationCase.convolutionCases)
  func convolutionGradient(_ operationCase: OperationCase) {
    #expect(operationCase.checkGradient().worst < Self.differenceTolerance)
  }

  @Test(arguments: OperationCase.attentionCases)
  func attentionGradient(_ operationCase: OperationCase) {
    #expect(operationCase.checkGradient().worst < Self.differenceTolerance)
  }

  @Test func productByHand() {
    let a = HostTensor(TensorType([2, 3]), [1, 2, 3, 4, 5, 6])
    let b = HostTensor(TensorType([2, 3]), [1, 0, -1, 2, 1, 0])
    let bias = HostTensor(TensorType([2]), [10, 20])
    let residual = HostTensor(TensorType([2, 2]), [100, 200, 300, 400])
    let product = MatrixProduct(transposeB: true, scale: 2, hasBias: true, hasResidual: true)
    let y = product.evaluate([a, b, bias, residual], outputs: [residual.type])[0]
    #expect(y.values == [106, 228, 306, 446])
  }

  /// All four transpositions agree with the plain product of the matrices they stand for.
  @Test(arguments: [false, true], [false, true])
  func transpositionsAgree(_ transposeA: Bool, _ transposeB: Bool) {
    let (m, n, k) = (3, 4, 2)
    let a = OperationCase(Copy(), [TensorType([m, k])]).makeInputs()[0].hostTensor
    let b = OperationCase(Copy(), [TensorType([k, n])]).makeInputs(seed: 2)[0].hostTensor
    let y = TensorType([m, n])
    let expected = MatrixProduct().evaluate([a, b], outputs: [y])[0]
    let flipped = { (x: HostTensor) in
      HostTensor(
        TensorType(x.shape.reversed()),
        rowMajor(x.values, rows: x.shape[1], columns: x.shape[0], transposed: true))
    }
    let operation = MatrixProduct(transposeA: transposeA, transposeB: transposeB)
    let given = [transposeA ? flipped(a) : a, transposeB ? flipped(b) : b]
    #expect(operation.evaluate(given, outputs: [y])[0] == expected)
    #expect((try? operation.outputTypes(given.map(\.type))) == [y])
  }

  /// The definition, written as six loops, on a strided, unevenly padded image.
  @Test func convolutionByDefinition() throws {
    let padding = Convolution2D.Padding(top: 0, left: 1, bottom: 2, right: 1)
    let operation = Convolution2D(stride: 2, padding: padding)
    let types = [TensorType([1, 5, 4, 2]), TensorType([3, 3, 2, 2])]
    let inputs = OperationCase(operation, types).makeInputs().map(\.hostTensor)
    let y = try operation.outputTypes(types)
    #expect(y == [TensorType([1, 3, 3, 3])])
    let found = operation.evaluate(inputs, outputs: y)[0]
    for h in 0..<3 {
      for w in 0..<3 {
        for o in 0..<3 {
          var sum = 0.0
          for r in 0..<3 {
            for s in 0..<2 {
              let (row, column) = (h * 2 + r, w * 2 + s - 1)
              guard 0..<5 ~= row, 0..<4 ~= column else { continue }
              for i in 0..<2 {
                sum +=
                  inputs[0].values[(row * 4 + column) * 2 + i]
                  * inputs[1].values[((o * 3 + r) * 2 + s) * 2 + i]
              }
            }
          }
          #expect(abs(found.values[(h * 3 + w) * 3 + o] - sum) < 1e-12)
        }
      }
    }
  }

  /// A query equal to one key by a wide margin takes that key's value; a causal first query sees
  /// the first key only, and its logarithm is that key's score.
  @Test func attentionByHand() {
    let (q, v) = ([40.0, 0, 0, 0, 0, 40, 0, 0], [1.0, 2, 3, 4, 5, 6, 7, 8])
    let type = TensorType([1, 2, 4])
    let inputs = [q, q, v].map { HostTensor(type, $0) }
    let outputs = [type, TensorType([1, 1, 2])]
    let o = Attention(heads: 1).evaluate(inputs, outputs: outputs)
    #expect(o[0].values == v)
    let uniform = [[Double](repeating: 0, count: 8), q, v].map { HostTensor(type, $0) }
    let causal = Attention(heads: 1, isCausal: true).evaluate(uniform, outputs: outputs)
    #expect(zip(causal[0].values, [1.0, 2, 3, 4, 3, 4, 5, 6]).allSatisfy { abs($0 - $1) < 1e-12 })
    #expect(abs(causal[1].values[0]) < 1e-12)
    #expect(abs(causal[1].values[1] - 0.693147180559945309) < 1e-12)
  }

  static let misfits: [OperationCase] = [
    misfit(MatrixProduct(), [2, 3], [4, 5]),
    misfit(MatrixProduct(), [2, 2, 3], [3, 3, 5]),
    misfit(MatrixProduct(hasBias: true), [2, 3], [3, 5], [2]),
    misfit(Convolution2D(), [1, 4, 4, 3], [2, 3, 3, 4]),
    misfit(Convolution2D(), [1, 2, 2, 3], [2, 3, 3, 3]),
    misfit(Attention(heads: 2), [1, 2, 6], [1, 2, 6], [1, 2, 6]),
    misfit(Attention(heads: 1), [1, 2, 4], [1, 2, 4], [1, 3, 4]),
  ]

  static func misfit(_ operation: some Operation, _ shapes: [Int]...) -> OperationCase {
    OperationCase(operation, shapes.map { TensorType($0) })
  }

  @Test(arguments: misfits)
  func shapeRuleRejects(_ misfit: OperationCase) {
    #expect(throws: ShapeError.self) { try misfit.operation.outputTypes(misfit.inputs) }
  }

  /// A linear layer over rank 3 equals the product of its rows, and so do its gradients' shapes.
  @Test func linearReshapes() throws {
    let graph = Graph()
    let x = graph.input("x", TensorType([2, 3, 4]))
    let weight = graph.variable("w", TensorType([5, 4]), .parameter(trained: true))
    let bias = graph.variable("b", TensorType([5]), .parameter(trained: true))
    let residual = graph.input("r", TensorType([2, 3, 5]))
    let y = x.linear(weight, bias: bias, residual: residual)
    #expect(y.shape == [2, 3, 5])
    let loss = y.summed(to: [1, 1, 1])
    let gradients = graph.gradients(of: loss, withRespectTo: [weight, bias, x])
    #expect(gradients.map { $0?.shape } == [[5, 4], [5], [2, 3, 4]])
    for (name, gradient) in zip(["dw", "db"], gradients) {
      if let gradient { graph.output(name, gradient) }
    }
    let backend = ReferenceBackend()
    let program = try backend.makeStore(graph.variables).load(backend.plan(graph))
    let data = TensorData([2, 3, 4], (0..<24).map { Float($0) })
    let result = try program.run(["x": data, "r": TensorData(zeros: residual.type)])
    #expect(result["db"]?.floats == [Float](repeating: 6, count: 5))
    #expect(result["dw"]?.floats.prefix(4) == [60, 66, 72, 78])
  }
}
