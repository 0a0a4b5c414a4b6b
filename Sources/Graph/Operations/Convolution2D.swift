/// `y[n, h, w, o] = sum over r, s, i of x[n, h stride + r - top, w stride + s - left, i]
/// weight[o, r, s, i] + bias[o] + residual[n, h, w, o]`; x is zero outside.
///
/// Shapes: x [N, H, W, I], weight [O, kh, kw, I], then bias [O] if `hasBias`, then residual
/// [N, Ho, Wo, O] if `hasResidual`; y [N, Ho, Wo, O] with
/// `Ho = (H + top + bottom - kh) / stride + 1`, Wo alike.
public struct Convolution2D: Operation {
  public static let name = "convolution_2d"

  /// Rows and columns of zeros around the image.
  public struct Padding: Hashable, Sendable {
    public let top: Int
    public let left: Int
    public let bottom: Int
    public let right: Int

    public init(top: Int, left: Int, bottom: Int, right: Int) {
      self.top = top
      self.left = left
      self.bottom = bottom
      self.right = right
    }

    /// The same on all sides.
    public static func all(_ size: Int) -> Padding {
      Padding(top: size, left: size, bottom: size, right: size)
    }
  }

  public let stride: Int
  public let padding: Padding
  public let hasBias: Bool
  public let hasResidual: Bool
  /// Storage of y; nil takes that of x.
  public let dtype: DType?

  public init(
    stride: Int = 1, padding: Padding = .all(0), hasBias: Bool = false, hasResidual: Bool = false,
    dtype: DType? = nil
  ) {
    self.stride = stride
    self.padding = padding
    self.hasBias = hasBias
    self.hasResidual = hasResidual
    self.dtype = dtype
  }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    let count = 2 + (hasBias ? 1 : 0) + (hasResidual ? 1 : 0)
    try requireShape(inputs.count == count, "takes \(count) tensors")
    let (x, weight) = (inputs[0], inputs[1])
    try requireShape(x.rank == 4 && weight.rank == 4, "takes x [N, H, W, I], weight [O, kh, kw, I]")
    try requireShape(
      x.shape[3] == weight.shape[3], "x has \(x.shape[3]) channels, weight \(weight.shape[3])")
    let window = try ConvolutionWindow(
      x: x.shape, weight: weight.shape, stride: stride, padding: padding)
    let y = TensorType(window.outputShape, dtype ?? x.dtype)
    if hasBias {
      try requireShape(inputs[2].shape == [window.o], "the bias has one element per output channel")
    }
    if hasResidual {
      try requireShape(inputs[count - 1].shape == y.shape, "the residual has the result's shape")
    }
    return [y]
  }

  /// The sizes of this convolution.
  /// - Precondition: the shape rule holds.
  public func window(_ inputs: [TensorType]) -> ConvolutionWindow {
    ConvolutionWindow(
      checked: inputs[0].shape, weight: inputs[1].shape, stride: stride, padding: padding)
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let window = window(inputs.map(\.type))
    let weight = rowMajor(
      inputs[1].values, rows: window.depth, columns: window.o, transposed: true)
    var y = HostTensor(zeros: outputs[0])
    for sample in 0..<window.n {
      accumulateProduct(
        window.unfolded(inputs[0].values, sample: sample)[...], weight[...], into: &y.values,
        at: sample * window.pixels * window.o, sizes: (window.pixels, window.o, window.depth))
    }
    if hasBias {
      for i in y.values.indices { y.values[i] += inputs[2].values[i % window.o] }
    }
    if hasResidual { y.values = zip(y.values, inputs[inputs.count - 1].values).map(+) }
    return [y]
  }

  public func gradient(_ context: GradientContext) -> [Tensor?] {
    guard let dy = context.outputGradients[0] else { return context.inputs.map { _ in nil } }
    let (x, weight) = (context.inputs[0], context.inputs[1])
    var results: [Tensor?] = [nil, nil]
    if context.needs[0] {
      let operation = Convolution2DInputGradient(
        inputSize: (x.shape[1], x.shape[2]), stride: stride, padding: padding, dtype: x.dtype)
      results[0] = Tensor.apply(operation, [dy, weight])[0]
    }
    let needsBias = hasBias && context.needs[2]
    if hasBias { results.append(nil) }
    if context.needs[1] {
      let operation = Convolution2DWeightGradient(
        kernelSize: (weight.shape[1], weight.shape[2]), stride: stride, padding: padding,
        dtype: weight.dtype, biasDType: needsBias ? context.inputs[2].dtype : nil)
      let gradients = Tensor.apply(operation, [x, dy])
      results[1] = gradients[0]
      if needsBias { results[2] = gradients[1] }
    } else if needsBias {
      results[2] = dy.columnSums(as: context.inputs[2].dtype)
    }
    if hasResidual {
      results.append(dy.converted(to: context.inputs[context.inputs.count - 1].dtype))
    }
    return results
  }

  public var recomputationCost: RecomputationCost { .heavy }

  public func flopCount(_ inputs: [TensorType], outputs: [TensorType]) -> Int {
    window(inputs).flopCount
  }
}

extension Tensor {
  /// Convolution of self [N, H, W, I] with a weight [O, kh, kw, I], see `Convolution2D`.
  public func convolved(
    _ weight: Tensor, bias: Tensor? = nil, residual: Tensor? = nil, stride: Int = 1,
    padding: Convolution2D.Padding = .all(0), dtype: DType? = nil
  ) -> Tensor {
    let operation = Convolution2D(
      stride: stride, padding: padding, hasBias: bias != nil, hasResidual: residual != nil,
      dtype: dtype)
    return Tensor.apply(operation, [self, weight] + [bias, residual].compactMap { $0 })[0]
  }
}
