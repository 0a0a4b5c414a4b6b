/// `dx[n, h, w, i] = sum over r, s, o of dy[n, (h + top - r) / stride, (w + left - s) / stride, o]
/// weight[o, r, s, i]` over the taps for which both divisions are exact and inside.
///
/// Shapes: dy [N, Ho, Wo, O], weight [O, kh, kw, I]; dx and, if there, a residual that is added to it
/// [N, H, W, I].
public struct Convolution2DInputGradient: Operation {
  public static let name = "convolution_2d_input_gradient"
  public let inputHeight: Int
  public let inputWidth: Int
  public let stride: Int
  public let padding: Convolution2D.Padding
  public let hasResidual: Bool
  /// Storage of dx; nil takes that of dy.
  public let dtype: DType?

  public init(
    inputSize: (height: Int, width: Int), stride: Int = 1,
    padding: Convolution2D.Padding = .all(0), hasResidual: Bool = false, dtype: DType? = nil
  ) {
    (inputHeight, inputWidth) = inputSize
    self.stride = stride
    self.padding = padding
    self.hasResidual = hasResidual
    self.dtype = dtype
  }

  public func addingInput() -> (any Operation)? {
    hasResidual
      ? nil
      : Convolution2DInputGradient(
        inputSize: (inputHeight, inputWidth), stride: stride, padding: padding, hasResidual: true,
        dtype: dtype)
  }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(
      inputs.count == (hasResidual ? 3 : 2), "takes dy, the weight and the residual, if any")
    let (dy, weight) = (inputs[0].shape, inputs[1].shape)
    try requireShape(dy.count == 4 && weight.count == 4, "takes two tensors of rank 4")
    let x = [dy[0], inputHeight, inputWidth, weight[3]]
    let window = try ConvolutionWindow(x: x, weight: weight, stride: stride, padding: padding)
    try requireShape(window.outputShape == dy, "dy is \(dy), not \(window.outputShape)")
    try requireShape(
      !hasResidual || inputs[2].shape == x, "the residual \(inputs[inputs.count - 1]) for \(x)")
    return [TensorType(x, dtype ?? inputs[0].dtype)]
  }

  /// The sizes of the convolution whose gradient this is.
  public func window(_ inputs: [TensorType]) -> ConvolutionWindow {
    let weight = inputs[1].shape
    return ConvolutionWindow(
      checked: [inputs[0].shape[0], inputHeight, inputWidth, weight[3]], weight: weight,
      stride: stride, padding: padding)
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let window = window(inputs.map(\.type))
    var dx = HostTensor(zeros: outputs[0])
    let dySize = window.pixels * window.o
    for sample in 0..<window.n {
      var columns = [Double](repeating: 0, count: window.pixels * window.depth)
      accumulateProduct(
        inputs[0].values[(sample * dySize)...], inputs[1].values[...], into: &columns,
        sizes: (window.pixels, window.depth, window.o))
      window.fold(columns, sample: sample, into: &dx.values)
    }
    if hasResidual { dx.values = zip(dx.values, inputs[2].values).map(+) }
    return [dx]
  }

  public func flopCount(_ inputs: [TensorType], outputs: [TensorType]) -> Int {
    window(inputs).flopCount
  }
}

/// `dw[o, r, s, i] = sum over n, h, w of dy[n, h, w, o]
/// x[n, h stride + r - top, w stride + s - left, i]`; x is zero outside.
///
/// If asked for, also the bias's, by the same walk over dy: `db[o] = sum over n, h, w of dy[n, h, w, o]`.
///
/// Shapes: x [N, H, W, I], dy [N, Ho, Wo, O]; dw [O, kh, kw, I], then db [O].
public struct Convolution2DWeightGradient: Operation {
  public static let name = "convolution_2d_weight_gradient"
  public let kernelHeight: Int
  public let kernelWidth: Int
  public let stride: Int
  public let padding: Convolution2D.Padding
  /// Storage of dw; nil takes that of x.
  public let dtype: DType?
  /// Storage of db; nil leaves it out.
  public let biasDType: DType?

  public init(
    kernelSize: (height: Int, width: Int), stride: Int = 1,
    padding: Convolution2D.Padding = .all(0), dtype: DType? = nil, biasDType: DType? = nil
  ) {
    (kernelHeight, kernelWidth) = kernelSize
    self.stride = stride
    self.padding = padding
    self.dtype = dtype
    self.biasDType = biasDType
  }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(inputs.count == 2, "takes x and dy")
    let (x, dy) = (inputs[0].shape, inputs[1].shape)
    try requireShape(x.count == 4 && dy.count == 4, "takes two tensors of rank 4")
    let weight = [dy[3], kernelHeight, kernelWidth, x[3]]
    let window = try ConvolutionWindow(x: x, weight: weight, stride: stride, padding: padding)
    try requireShape(window.outputShape == dy, "dy is \(dy), not \(window.outputShape)")
    let db = biasDType.map { TensorType([dy[3]], $0) }
    return [TensorType(weight, dtype ?? inputs[0].dtype)] + [db].compactMap { $0 }
  }

  /// The sizes of the convolution whose gradient this is.
  public func window(_ inputs: [TensorType]) -> ConvolutionWindow {
    let x = inputs[0].shape
    return ConvolutionWindow(
      checked: x, weight: [inputs[1].shape[3], kernelHeight, kernelWidth, x[3]], stride: stride,
      padding: padding)
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let window = window(inputs.map(\.type))
    var dw = HostTensor(zeros: outputs[0])
    let dySize = window.pixels * window.o
    for sample in 0..<window.n {
      let dy = Array(inputs[1].values[(sample * dySize)..<((sample + 1) * dySize)])
      accumulateProduct(
        rowMajor(dy, rows: window.o, columns: window.pixels, transposed: true)[...],
        window.unfolded(inputs[0].values, sample: sample)[...], into: &dw.values,
        sizes: (window.o, window.depth, window.pixels))
    }
    if biasDType == nil { return [dw] }
    let sum = SumTo(shape: outputs[1].shape)
    return [dw] + sum.evaluate([inputs[1]], outputs: [outputs[1]])
  }

  public func flopCount(_ inputs: [TensorType], outputs: [TensorType]) -> Int {
    window(inputs).flopCount
  }
}
