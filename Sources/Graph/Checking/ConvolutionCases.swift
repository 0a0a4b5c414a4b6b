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

  /// Sizes for kernels, with the gradients as operations: several tiles with ragged edges, 64-bit
  /// and single loads, 1x1 lowered to a product, split weight gradients, 16-bit storage.
  public static let convolutionKernelCases: [OperationCase] = {
    let inF32 = (convolutionCases + largerConvolutions).flatMap { [$0] + gradients(of: $0) }
    let storage = storageConvolutions.flatMap { [$0] + gradients(of: $0) }
      .flatMap { $0.withAddedInput() }
    return inF32 + storage.map { $0.stored(as: .f16) } + storage.map { $0.stored(as: .bf16) }
      + storage.map { $0.stored(as: .bf16, [1]) } + restoring
  }()

  /// Results in another storage than the first input's, as at the ends of a network.
  private static let restoring: [OperationCase] = [(8, 12), (3, 5)].flatMap { i, o in
    let (x, y) = (TensorType([1, 6, 5, i]), TensorType([1, 6, 5, o]))
    let (weight, bias) = (TensorType([o, 3, 3, i], .bf16), TensorType([o]))
    func forward(_ dtype: DType) -> Convolution2D {
      Convolution2D(padding: .all(1), hasBias: true, dtype: dtype)
    }
    func backward(_ dtype: DType) -> Convolution2DInputGradient {
      Convolution2DInputGradient(inputSize: (6, 5), padding: .all(1), dtype: dtype)
    }
    let brain = TensorType(x.shape, .bf16)
    return [
      OperationCase(forward(.bf16), [x, weight, bias]),
      OperationCase(forward(.f16), [x, weight, bias]),
      OperationCase(forward(.f32), [brain, weight, bias]),
    ]
      + [OperationCase(backward(.f16), [y, weight]), OperationCase(backward(.bf16), [y, weight])]
      .flatMap { $0.withAddedInput() }
  }

  private static let largerConvolutions: [OperationCase] = [
    convolution(
      x: [2, 19, 18, 8], weight: [72, 3, 3, 8], padding: .all(1), hasBias: true,
      hasResidual: true),
    convolution(x: [2, 19, 18, 8], weight: [72, 3, 3, 8], stride: 2, padding: .all(1)),
    convolution(
      x: [1, 8, 10, 12], weight: [8, 3, 3, 12], stride: 2,
      padding: Convolution2D.Padding(top: 0, left: 0, bottom: 1, right: 1), hasBias: true),
    convolution(x: [1, 9, 9, 64], weight: [4, 3, 3, 64], padding: .all(1), hasBias: true),
    convolution(x: [1, 9, 9, 4], weight: [64, 3, 3, 4], padding: .all(1), hasBias: true),
    convolution(x: [2, 5, 7, 36], weight: [20, 1, 1, 36], padding: .all(0), hasBias: true),
    convolution(x: [2, 33, 32, 16], weight: [16, 2, 2, 16], padding: .all(0)),
    // More taps than a number has bits.
    convolution(x: [1, 9, 8, 16], weight: [16, 6, 6, 16], padding: .all(2)),
  ]

  private static let storageConvolutions: [OperationCase] = [
    convolution(x: [1, 6, 5, 8], weight: [12, 3, 3, 8], padding: .all(1), hasBias: true),
    convolution(x: [1, 6, 5, 3], weight: [5, 3, 3, 3], padding: .all(1), hasBias: true),
    // Channels that fill the blocks of every kernel, which then see one tap at a time.
    convolution(x: [2, 8, 8, 64], weight: [64, 3, 3, 64], padding: .all(1), hasBias: true),
    convolution(x: [1, 9, 10, 64], weight: [64, 3, 3, 64], stride: 2, padding: .all(1)),
    convolution(
      x: [1, 7, 9, 64], weight: [64, 2, 3, 64], stride: 3,
      padding: Convolution2D.Padding(top: 1, left: 0, bottom: 0, right: 2)),
    convolution(x: [1, 5, 6, 64], weight: [5, 3, 3, 64], padding: .all(1)),
  ]

  /// The two gradients of a convolution at its sizes.
  private static func gradients(of forward: OperationCase) -> [OperationCase] {
    guard let operation = forward.operation as? Convolution2D else { return [] }
    let (x, weight) = (forward.inputs[0], forward.inputs[1])
    let dy = TensorType(operation.window(forward.inputs).outputShape)
    func weightGradient(bias: DType?) -> OperationCase {
      OperationCase(
        Convolution2DWeightGradient(
          kernelSize: (weight.shape[1], weight.shape[2]), stride: operation.stride,
          padding: operation.padding, dtype: .f32, biasDType: bias), [x, dy])
    }
    return [
      OperationCase(
        Convolution2DInputGradient(
          inputSize: (x.shape[1], x.shape[2]), stride: operation.stride,
          padding: operation.padding), [dy, weight]),
      weightGradient(bias: nil),
    ] + (operation.hasBias ? [weightGradient(bias: .f32)] : [])
  }
}
