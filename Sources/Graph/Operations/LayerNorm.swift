/// `y = (x - mean) rstd weight + bias`, mean and variance over the last dimension;
/// `rstd = 1 / sqrt(variance + epsilon)`, the variance over n.
///
/// Shapes: x [..., C]; weight, bias [C]; y as x; mean, rstd f32 [R], R the number of rows.
/// Statistics are not differentiated on their own.
/// - Source: Ba et al., arXiv 1607.06450.
public struct LayerNorm: Operation {
  public static let name = "layer_norm"
  public let epsilon: Double

  public init(epsilon: Double) { self.epsilon = epsilon }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(inputs.count == 3, "takes x, weight and bias")
    let x = inputs[0]
    try requireShape(x.rank >= 1 && x.lastDimension > 0, "x \(x) is not [..., C]")
    for parameter in inputs[1...] {
      try requireShape(
        parameter.shape == [x.lastDimension], "\(parameter) for rows of \(x.lastDimension)")
    }
    let statistics = TensorType([x.elementCount / x.lastDimension], .f32)
    return [x, statistics, statistics]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let width = inputs[0].type.lastDimension
    let (weight, bias) = (inputs[1].values, inputs[2].values)
    var y = HostTensor(zeros: outputs[0])
    var mean = HostTensor(zeros: outputs[1])
    var rstd = HostTensor(zeros: outputs[2])
    for row in mean.values.indices {
      let x = inputs[0].values[row * width..<(row + 1) * width]
      let average = x.reduce(0, +) / Double(width)
      let squares = x.reduce(0) { $0 + ($1 - average) * ($1 - average) }
      let scale = 1 / (squares / Double(width) + epsilon).squareRoot()
      for (column, value) in x.enumerated() {
        y.values[row * width + column] = (value - average) * scale * weight[column] + bias[column]
      }
      mean.values[row] = average
      rstd.values[row] = scale
    }
    return [y, mean, rstd]
  }

  public func gradient(_ context: GradientContext) -> [Tensor?] {
    guard let dy = context.outputGradients[0] else { return [nil, nil, nil] }
    let hasParameters = context.needs[1] || context.needs[2]
    let results = Tensor.apply(
      LayerNormGradient(hasParameterGradients: hasParameters),
      context.inputs[..<2] + context.outputs[1...] + [dy])
    return hasParameters ? results : [results[0], nil, nil]
  }

  public func flopCount(_ inputs: [TensorType], outputs: [TensorType]) -> Int {
    8 * inputs[0].elementCount
  }
}

/// Gradients of layer norm. With `h = (x - mean) rstd`:
///
///     dweight = sum of dy h,   dbias = sum of dy      (over rows)
///     dx = rstd (dy weight - average of (dy weight) - h average of (dy weight h))   (over a row)
///
/// Inputs: x, weight, mean, rstd, dy and, if there, a residual; dx as x, with the residual added; dweight, dbias [C] in the storage of weight.
public struct LayerNormGradient: Operation {
  public static let name = "layer_norm_gradient"
  /// False for frozen parameters: dx is then the only output.
  public let hasParameterGradients: Bool
  public let hasResidual: Bool

  public init(hasParameterGradients: Bool = true, hasResidual: Bool = false) {
    self.hasParameterGradients = hasParameterGradients
    self.hasResidual = hasResidual
  }

  public func addingInput() -> (any Operation)? {
    hasResidual
      ? nil
      : LayerNormGradient(hasParameterGradients: hasParameterGradients, hasResidual: true)
  }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(
      inputs.count == (hasResidual ? 6 : 5),
      "takes x, weight, mean, rstd, dy and the residual, if any")
    let forward = try LayerNorm(epsilon: 0).outputTypes([inputs[0], inputs[1], inputs[1]])
    try requireShape(
      inputs[2] == forward[1] && inputs[3] == forward[2],
      "statistics \(inputs[2]) and \(inputs[3]) are not \(forward[1])")
    try requireShape(inputs[4].shape == inputs[0].shape, "dy \(inputs[4]) for x \(inputs[0])")
    try requireShape(
      !hasResidual || inputs[5].shape == inputs[0].shape,
      "the residual \(inputs[inputs.count - 1]) for x \(inputs[0])")
    return hasParameterGradients ? [inputs[0], inputs[1], inputs[1]] : [inputs[0]]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let (x, weight, dy) = (inputs[0].values, inputs[1].values, inputs[4].values)
    let width = weight.count
    var dx = HostTensor(zeros: inputs[0].type)
    var dweight = HostTensor(zeros: inputs[1].type)
    var dbias = HostTensor(zeros: inputs[1].type)
    for row in inputs[2].values.indices {
      let (mean, rstd) = (inputs[2].values[row], inputs[3].values[row])
      let start = row * width
      var (average, correlation) = (0.0, 0.0)
      for column in 0..<width {
        let h = (x[start + column] - mean) * rstd
        let gradient = dy[start + column]
        average += gradient * weight[column] / Double(width)
        correlation += gradient * weight[column] * h / Double(width)
        dweight.values[column] += gradient * h
        dbias.values[column] += gradient
      }
      for column in 0..<width {
        let h = (x[start + column] - mean) * rstd
        dx.values[start + column] =
          rstd * (dy[start + column] * weight[column] - average - h * correlation)
      }
    }
    if hasResidual { dx.values = zip(dx.values, inputs[5].values).map(+) }
    return hasParameterGradients ? [dx, dweight, dbias] : [dx]
  }

  public func flopCount(_ inputs: [TensorType], outputs: [TensorType]) -> Int {
    14 * inputs[0].elementCount
  }
}

extension Tensor {
  /// Layer norm over the last dimension.
  public func layerNormalized(_ weight: Tensor, _ bias: Tensor, epsilon: Double) -> Tensor {
    Tensor.apply(LayerNorm(epsilon: epsilon), [self, weight, bias])[0]
  }
}
