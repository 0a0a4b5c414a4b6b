/// `y = value gelu(gate)` for x = [value ; gate] along the last dimension (erf GELU).
///
/// Shapes: x [..., 2C]; y [..., C].
/// - Source: Shazeer, arXiv 2002.05202.
public struct GEGLU: Operation {
  public static let name = "geglu"
  public init() {}

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(inputs.count == 1, "takes one tensor")
    let x = inputs[0]
    try requireShape(
      x.rank > 0 && x.lastDimension % 2 == 0, "\(x): the last dimension is not two halves")
    return [TensorType(x.shape.dropLast() + [x.lastDimension / 2], x.dtype)]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let width = outputs[0].lastDimension
    let x = inputs[0].values
    let y = (0..<outputs[0].elementCount).map { index in
      let value = index / max(width, 1) * 2 * width + index % max(width, 1)
      return x[value] * Activation.gelu.value(x[value + width])
    }
    return [HostTensor(outputs[0], y)]
  }

  public func gradient(_ context: GradientContext) -> [Tensor?] {
    guard let dy = context.outputGradients[0] else { return [nil] }
    return [Tensor.apply(GEGLUGradient(), [context.inputs[0], dy])[0]]
  }
}

/// `dx = [dy gelu(gate) ; dy value gelu'(gate)]`.
///
/// Inputs: x [..., 2C], dy [..., C]; dx as x.
public struct GEGLUGradient: Operation {
  public static let name = "geglu_gradient"
  public init() {}

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(inputs.count == 2, "takes x and dy")
    let y = try GEGLU().outputTypes([inputs[0]])[0]
    try requireShape(inputs[1].shape == y.shape, "dy \(inputs[1]) is not shaped as y \(y)")
    return [inputs[0]]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let width = inputs[1].type.lastDimension
    let x = inputs[0].values
    var dx = HostTensor(zeros: outputs[0])
    for (index, dy) in inputs[1].values.enumerated() {
      let value = index / width * 2 * width + index % width
      let gate = value + width
      dx.values[value] = dy * Activation.gelu.value(x[gate])
      dx.values[gate] = dy * x[value] * Activation.gelu.derivative(x[gate])
    }
    return [dx]
  }
}

extension Tensor {
  /// `value gelu(gate)` for self = [value ; gate] along the last dimension.
  public func geglu() -> Tensor { Tensor.apply(GEGLU(), [self])[0] }
}
