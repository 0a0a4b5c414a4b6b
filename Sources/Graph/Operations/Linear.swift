extension Tensor {
  /// `y = activation(x W^T + bias) + residual` over the last dimension: a `MatrixProduct` of all
  /// the rows of x.
  /// - Parameters:
  ///   - weight: [O, I], as in files; any dtype.
  ///   - bias: [O].
  ///   - residual: [..., O], added after the activation.
  /// - Precondition: self is [..., I].
  /// - Returns: [..., O] in self's dtype.
  public func linear(
    _ weight: Tensor, bias: Tensor? = nil, residual: Tensor? = nil, activation: Activation? = nil
  ) -> Tensor {
    let rows = type.elementCount / max(type.lastDimension, 1)
    let outputs = weight.shape[0]
    let y = reshaped(to: [rows, type.lastDimension]).product(
      weight, transposeB: true, bias: bias, residual: residual?.reshaped(to: [rows, outputs]),
      activation: activation)
    return y.reshaped(to: shape.dropLast() + [outputs])
  }
}
