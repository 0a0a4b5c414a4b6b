/// `y = activation(scale * op(a) op(b) + bias) + residual`, where op transposes if asked.
///
/// Shapes: a [M, K] ([K, M] if `transposeA`), b [K, N] ([N, K] if `transposeB`), then bias [N] if
/// `hasBias`, then residual [M, N] if `hasResidual`; y [M, N]. Or a, b, residual and y of rank 3
/// with one batch dimension in front; the bias is shared by the batch.
public struct MatrixProduct: Operation {
  public static let name = "matrix_product"
  public let transposeA: Bool
  public let transposeB: Bool
  public let scale: Float
  public let activation: Activation?
  public let hasBias: Bool
  public let hasResidual: Bool
  /// Storage of y; nil takes that of a.
  public let dtype: DType?

  public init(
    transposeA: Bool = false, transposeB: Bool = false, scale: Float = 1,
    activation: Activation? = nil, hasBias: Bool = false, hasResidual: Bool = false,
    dtype: DType? = nil
  ) {
    self.transposeA = transposeA
    self.transposeB = transposeB
    self.scale = scale
    self.activation = activation
    self.hasBias = hasBias
    self.hasResidual = hasResidual
    self.dtype = dtype
  }

  /// Sizes of one product: batch (1 for rank 2), rows of y, columns of y, length of the sums.
  public struct Sizes: Hashable, Sendable {
    public let batch: Int
    public let m: Int
    public let n: Int
    public let k: Int

    public init(batch: Int, m: Int, n: Int, k: Int) {
      (self.batch, self.m, self.n, self.k) = (batch, m, n, k)
    }
  }

  /// - Precondition: the shape rule holds for the first two inputs.
  public func sizes(_ inputs: [TensorType]) -> Sizes {
    let (a, b) = (inputs[0].shape.suffix(2), inputs[1].shape.suffix(2))
    return Sizes(
      batch: inputs[0].rank == 3 ? inputs[0].shape[0] : 1,
      m: transposeA ? a[a.endIndex - 1] : a[a.startIndex],
      n: transposeB ? b[b.startIndex] : b[b.endIndex - 1],
      k: transposeA ? a[a.startIndex] : a[a.endIndex - 1])
  }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    let count = 2 + (hasBias ? 1 : 0) + (hasResidual ? 1 : 0)
    try requireShape(inputs.count == count, "takes \(count) tensors")
    let (a, b) = (inputs[0], inputs[1])
    try requireShape(
      a.rank == b.rank && (2...3 ~= a.rank), "takes two matrices or two batches of them")
    try requireShape(a.rank == 2 || a.shape[0] == b.shape[0], "the batches differ")
    let sizes = sizes(inputs)
    let depth = transposeB ? b.lastDimension : b.shape[b.rank - 2]
    try requireShape(sizes.k == depth, "sums over \(sizes.k) elements of a, \(depth) of b")
    let y = TensorType(a.shape.dropLast(2) + [sizes.m, sizes.n], dtype ?? a.dtype)
    if hasBias {
      try requireShape(inputs[2].shape == [sizes.n], "the bias has one element per column")
    }
    if hasResidual {
      try requireShape(inputs[count - 1].shape == y.shape, "the residual has the result's shape")
    }
    return [y]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let sizes = sizes(inputs.map(\.type))
    let (m, n, k) = (sizes.m, sizes.n, sizes.k)
    var y = HostTensor(zeros: outputs[0])
    let a = rowMajor(inputs[0].values, rows: m, columns: k, transposed: transposeA)
    let b = rowMajor(inputs[1].values, rows: k, columns: n, transposed: transposeB)
    for item in 0..<sizes.batch {
      accumulateProduct(
        a[(item * m * k)...], b[(item * k * n)...], into: &y.values, at: item * m * n,
        sizes: (m, n, k))
    }
    let bias = hasBias ? inputs[2].values : nil
    y.values.withUnsafeMutableBufferPointer { y in
      for i in y.indices {
        let sum = Double(scale) * y[i] + (bias?[i % n] ?? 0)
        y[i] = activation?.value(sum) ?? sum
      }
    }
    if hasResidual { y.values = zip(y.values, inputs[inputs.count - 1].values).map(+) }
    return [y]
  }

  /// With an activation the sums before it are computed again instead of kept: activations stand
  /// in the epilogue of small products only (time embeddings, the text encoders' MLPs).
  public func gradient(_ context: GradientContext) -> [Tensor?] {
    guard let dy = context.outputGradients[0] else { return context.inputs.map { _ in nil } }
    let (a, b) = (context.inputs[0], context.inputs[1])
    let dSum = sumGradient(context, dy: dy)
    var results: [Tensor?] = [context.needs[0] ? gradientOfA(dSum, a: a, b: b) : nil]
    if isLinear, a.shape.count == 2, context.needs[1], context.needs[2] {
      let operation = LinearParameterGradient(weight: b.dtype, bias: context.inputs[2].dtype)
      results += Tensor.apply(operation, [dSum, a])
    } else {
      results.append(context.needs[1] ? gradientOfB(dSum, a: a, b: b) : nil)
      if hasBias {
        let bias = context.inputs[2]
        results.append(context.needs[2] ? dSum.columnSums(as: bias.dtype) : nil)
      }
    }
    if hasResidual {
      results.append(dy.converted(to: context.inputs[context.inputs.count - 1].dtype))
    }
    return results
  }

  /// Whether it is a linear layer with a bias, if its operands are matrices.
  private var isLinear: Bool { transposeB && !transposeA && hasBias && scale == 1 }

  /// Gradient of what the activation is applied to.
  private func sumGradient(_ context: GradientContext, dy: Tensor) -> Tensor {
    guard let activation, context.needs.prefix(hasBias ? 3 : 2).contains(true) else { return dy }
    let product = MatrixProduct(
      transposeA: transposeA, transposeB: transposeB, scale: scale, hasBias: hasBias, dtype: dtype)
    let sum = Tensor.apply(product, Array(context.inputs.prefix(hasBias ? 3 : 2)))[0]
    return Tensor.apply(ActivateGradient(activation), [sum, dy])[0]
  }

  /// `scale g op(b)^T`, transposed if a is stored so.
  private func gradientOfA(_ g: Tensor, a: Tensor, b: Tensor) -> Tensor {
    let product = MatrixProduct(
      transposeA: transposeA && transposeB, transposeB: transposeA || !transposeB, scale: scale,
      dtype: a.dtype)
    return Tensor.apply(product, transposeA ? [b, g] : [g, b])[0]
  }

  /// `scale op(a)^T g`, transposed if b is stored so.
  private func gradientOfB(_ g: Tensor, a: Tensor, b: Tensor) -> Tensor {
    let product = MatrixProduct(
      transposeA: transposeB || !transposeA, transposeB: transposeA && transposeB, scale: scale,
      dtype: b.dtype)
    return Tensor.apply(product, transposeB ? [g, a] : [a, g])[0]
  }

  public func addingInput() -> (any Operation)? {
    hasResidual
      ? nil
      : MatrixProduct(
        transposeA: transposeA, transposeB: transposeB, scale: scale, activation: activation,
        hasBias: hasBias, hasResidual: true, dtype: dtype)
  }

  public var recomputationCost: RecomputationCost { .product }

  public func flopCount(_ inputs: [TensorType], outputs: [TensorType]) -> Int {
    2 * outputs[0].elementCount * sizes(inputs).k
  }
}

extension Tensor {
  /// `activation(scale * op(self) op(b) + bias) + residual`, see `MatrixProduct`.
  public func product(
    _ b: Tensor, transposeA: Bool = false, transposeB: Bool = false, bias: Tensor? = nil,
    residual: Tensor? = nil, scale: Float = 1, activation: Activation? = nil
  ) -> Tensor {
    let operation = MatrixProduct(
      transposeA: transposeA, transposeB: transposeB, scale: scale, activation: activation,
      hasBias: bias != nil, hasResidual: residual != nil)
    return Tensor.apply(operation, [self, b] + [bias, residual].compactMap { $0 })[0]
  }

  /// Sums over all dimensions but the last: [..., C] -> [C], stored as `dtype`.
  func columnSums(as dtype: DType) -> Tensor {
    let columns = type.lastDimension
    return reshaped(to: [type.elementCount / max(columns, 1), columns])
      .summed(to: [columns], as: dtype)
  }
}
