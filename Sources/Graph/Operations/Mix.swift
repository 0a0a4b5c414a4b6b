/// `z[n] = c[n, 0] x[n] + c[n, 1] y[n]`: noisy inputs and targets of a diffusion objective.
///
/// Shapes: x, y [N, ...]; coefficients f32 [N, 2]; z as x.
public struct Mix: Operation {
  public static let name = "mix"
  public init() {}

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(inputs.count == 3, "takes x, y and coefficients")
    let (x, y, coefficients) = (inputs[0], inputs[1], inputs[2])
    try requireShape(x.rank > 0 && x.shape == y.shape, "x \(x) and y \(y) differ in shape")
    try requireShape(
      coefficients == TensorType([x.shape[0], 2], .f32),
      "coefficients \(coefficients) for \(x.shape[0]) samples")
    return [x]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let size = outputs[0].elementCount / max(outputs[0].shape[0], 1)
    let (x, y, c) = (inputs[0].values, inputs[1].values, inputs[2].values)
    let z = x.indices.map { c[$0 / size * 2] * x[$0] + c[$0 / size * 2 + 1] * y[$0] }
    return [HostTensor(outputs[0], z)]
  }

  public func gradient(_ context: GradientContext) -> [Tensor?] {
    guard let dz = context.outputGradients[0] else { return [nil, nil, nil] }
    let (x, y, coefficients) = (context.inputs[0], context.inputs[1], context.inputs[2])
    let perSample = [x.shape[0]] + x.shape.dropFirst().map { _ in 1 }
    let column = { (index: Int) in
      coefficients.sliced(axis: 1, start: index, count: 1).reshaped(to: perSample)
    }
    let product = { (value: Tensor) in
      (dz.converted(to: .f32) * value).summed(to: perSample).reshaped(to: [x.shape[0], 1])
    }
    return [
      context.needs[0] ? dz * column(0) : nil,
      context.needs[1] ? (dz * column(1)).converted(to: y.dtype) : nil,
      context.needs[2] ? Tensor.concatenated([product(x), product(y)], axis: 1) : nil,
    ]
  }
}

extension Tensor {
  /// `c[n, 0] x[n] + c[n, 1] y[n]`; `coefficients` is f32 [N, 2].
  public static func mixed(_ x: Tensor, _ y: Tensor, _ coefficients: Tensor) -> Tensor {
    apply(Mix(), [x, y, coefficients])[0]
  }
}
