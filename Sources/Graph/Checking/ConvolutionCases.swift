extension OperationCase {
  /// Convolutions and their gradients: 3x3 and 1x1, stride 2, padding on two sides only, an even
  /// window, few channels.
  public static let convolutionCases: [OperationCase] = [
    convolution(
      x: [2, 5, 4, 3], weight: [2, 3, 3, 3], padding: .all(1), hasBias: true, hasResidual: true),
    convolution(x: [1, 4, 3, 5], weight: [3, 1, 1, 5], padding: .all(0), hasBias: true),
    convolution(x: [2, 5, 6, 2], weight: [3, 3, 3, 2], stride: 2, padding: .all(1)),
    convolution(
      x: [1, 6, 5, 2], weight: [3, 3, 3, 2], stride: 2,
      padding: Convolution2D.Padding(top: 0, left: 0, bottom: 1, right: 1), hasResidual: true),
    convolution(
      x: [1, 4, 5, 2], weight: [2, 2, 3, 2],
      padding: Convolution2D.Padding(top: 1, left: 0, bottom: 0, right: 2)),
    convolution(
      x: [1, 7, 7, 1], weight: [2, 3, 3, 1], stride: 3, padding: .all(2), hasBias: true),
  ]

  static func convolution(
    x: [Int], weight: [Int], stride: Int = 1, padding: Convolution2D.Padding,
    hasBias: Bool = false, hasResidual: Bool = false
  ) -> OperationCase {
    let operation = Convolution2D(
      stride: stride, padding: padding, hasBias: hasBias, hasResidual: hasResidual)
    var inputs = [TensorType(x), TensorType(weight)]
    if hasBias { inputs.append(TensorType([weight[0]])) }
    if hasResidual {
      let window = ConvolutionWindow(checked: x, weight: weight, stride: stride, padding: padding)
      inputs.append(TensorType(window.outputShape))
    }
    return OperationCase(operation, inputs, differentiable: Array(inputs.indices))
  }
}
