/// Gradients of a linear layer's weight and bias by one walk over dy:
/// `dw = dy^T x`, `db[o] = sum over k of dy[k, o]`.
///
/// Shapes: dy [K, O], x [K, I]; dw [O, I], db [O].
public struct LinearParameterGradient: Operation {
  public static let name = "linear_parameter_gradient"
  /// Storage of dw.
  public let weightDType: DType
  /// Storage of db.
  public let biasDType: DType

  public init(weight: DType = .f32, bias: DType = .f32) {
    (weightDType, biasDType) = (weight, bias)
  }

  /// The product that dw is.
  public var product: MatrixProduct { MatrixProduct(transposeA: true, dtype: weightDType) }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(inputs.count == 2, "takes dy and x")
    try requireShape(inputs[0].rank == 2 && inputs[1].rank == 2, "takes two matrices")
    let dw = try product.outputTypes(inputs)[0]
    return [dw, TensorType([inputs[0].lastDimension], biasDType)]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let sum = SumTo(shape: outputs[1].shape)
    return product.evaluate(inputs, outputs: [outputs[0]])
      + sum.evaluate([inputs[0]], outputs: [outputs[1]])
  }

  public func flopCount(_ inputs: [TensorType], outputs: [TensorType]) -> Int {
    product.flopCount(inputs, outputs: outputs) + inputs[0].elementCount
  }
}
