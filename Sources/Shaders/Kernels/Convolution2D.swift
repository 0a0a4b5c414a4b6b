import CKernelParameters
import Graph

extension Convolution2D: SelectableOperation {
  public func selection(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> KernelSelection? {
    let window = window(inputs)
    return (window.product(inputs)?.problem ?? window.problem(inputs)).selection(device)
  }

  public func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int {
    window(inputs).product(inputs)?.workspaceByteCount(device) ?? 0
  }

  public func launches(_ context: LoweringContext) -> [Launch] {
    let inputs = context.inputs
    let types = inputs.map(\.type)
    let window = window(types)
    let operands = ProductOperands(
      a: inputs[0], b: inputs[1], y: context.outputs[0], bias: hasBias ? inputs[2] : nil,
      residual: hasResidual ? inputs[inputs.count - 1] : nil)
    if let product = window.product(types) { return product.launches(operands, context) }
    let tile = window.problem(types).tile(context.device)
    return window.launches(operands, tile)
  }
}

extension ConvolutionWindow {
  /// A window of one pixel that moves by one sees each pixel once: the convolution is a product of
  /// all pixels [N H W, I] with the weight [O, I].
  private var isProduct: Bool { kh == 1 && kw == 1 && stride == 1 && padding == .all(0) }

  /// The convolution as a product; `inputs` are x and the weight.
  func product(_ inputs: [TensorType]) -> ProductShape? {
    isProduct
      ? ProductShape(.init(batch: 1, m: n * h * w, n: o, k: i), inputs, transposeB: true) : nil
  }

  /// dx = dy [N H W, O] weight [O, I].
  func inputGradientProduct(_ inputs: [TensorType]) -> ProductShape? {
    isProduct ? ProductShape(.init(batch: 1, m: n * h * w, n: i, k: o), inputs) : nil
  }

  /// dw = dy^T [O, N H W] x [N H W, I]; `inputs` are dy and x.
  func weightGradientProduct(_ inputs: [TensorType]) -> ProductShape? {
    isProduct
      ? ProductShape(.init(batch: 1, m: o, n: i, k: n * h * w), inputs, transposeA: true) : nil
  }

  /// Whether quads divide the channels.
  private var isWide: Bool { i % 4 == 0 && o % 4 == 0 }

  private func run(_ channels: Int) -> Int {
    Self.run(channels: channels, kh: kh, kw: kw, stride: stride)
  }

  /// The channels of a tap, where kernels have a bit for each tap (`convolution/taps.glsl`).
  static func run(channels: Int, kh: Int, kw: Int, stride: Int) -> Int {
    kh * kw < 32 && stride * kw <= 32 ? channels : 1
  }

  /// Windows [pixels, kh kw I] times the weight [O, kh kw I]; `inputs` are x and the weight.
  func problem(_ inputs: [TensorType]) -> ProductProblem {
    ProductProblem(
      shader: "convolution/convolution_2d", form: isWide ? 1 : 0, m: n * pixels, n: o,
      depth: depth, run: run(i), canSplit: false, storage: (inputs[0].dtype, inputs[1].dtype),
      contiguous: [i, o])
  }

  /// What every pixel of dx gathers; `inputs` are dy and the weight.
  func inputGradientProblem(_ inputs: [TensorType]) -> ProductProblem {
    ProductProblem(
      shader: "convolution/convolution_2d_input_gradient", form: isWide ? 2 : 0, m: n * h * w,
      n: i, depth: kh * kw * o, bRows: kh * kw * o, run: run(o), canSplit: false,
      storage: (inputs[0].dtype, inputs[1].dtype),
      contiguous: [i, o])
  }

  /// A product over the pixels for each tap; `inputs` are dy and x.
  func weightGradientProblem(_ inputs: [TensorType]) -> ProductProblem {
    ProductProblem(
      shader: "convolution/convolution_2d_weight_gradient", form: isWide ? 3 : 0, m: o, n: i,
      depth: n * pixels, copies: kh * kw, bRows: n * h * w,
      storage: (inputs[0].dtype, inputs[1].dtype),
      contiguous: [i, o])
  }

  /// The kernel's launches, for a tile of one of the problems.
  func launches(_ operands: ProductOperands, _ tile: ProductTile) -> [Launch] {
    tile.launches { part in
      Launch(
        tile.variant(part, storage: operands.storage, sumsRows: operands.rowSums != nil),
        groups: foldedGroups(part.groupCount), parameters: parameters(operands, tile, part))
    }
  }

  private func parameters(
    _ operands: ProductOperands, _ tile: ProductTile, _ part: ResultPart
  ) -> Convolution2DParameters {
    Convolution2DParameters(
      a: operands.a.address, b: operands.b.address, y: operands.y.address,
      bias: (operands.bias ?? (tile.sumsRows ? operands.rowSums : nil))?.address ?? 0,
      residual: operands.residual?.address ?? 0,
      samples: UInt32(n), height: UInt32(h), width: UInt32(w), inputChannels: UInt32(i),
      outputHeight: UInt32(ho), outputWidth: UInt32(wo), outputChannels: UInt32(o),
      kernelHeight: UInt32(kh), kernelWidth: UInt32(kw), stride: UInt32(stride),
      top: UInt32(padding.top), left: UInt32(padding.left), splits: UInt32(tile.splits),
      splitLength: UInt32(tile.splitLength), laneShift: UInt32(tile.laneShift),
      aWidth: UInt32(tile.panels?.a?.width ?? o), bWidth: UInt32(tile.panels?.b.width ?? i),
      firstColumn: UInt32(part.columns.lowerBound), endColumn: UInt32(part.columns.upperBound))
  }
}
