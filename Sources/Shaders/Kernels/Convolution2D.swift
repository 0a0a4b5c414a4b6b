import CKernelParameters
import Graph

extension Convolution2D: VulkanOperation {
  public func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int {
    window(inputs).product?.workspaceByteCount(device) ?? 0
  }

  public func launches(_ context: LoweringContext) -> [Launch] {
    let inputs = context.inputs
    let window = window(inputs.map(\.type))
    let operands = ProductOperands(
      a: inputs[0], b: inputs[1], y: context.outputs[0], bias: hasBias ? inputs[2] : nil,
      residual: hasResidual ? inputs[inputs.count - 1] : nil)
    if let product = window.product { return product.launches(operands, context) }
    let pixels = window.n * window.pixels
    let tile = ProductTile(
      m: pixels, n: window.o, depth: window.depth, canSplit: false, device: context.device)
    let isWide = window.i % 4 == 0 && window.o % 4 == 0
    return [
      Launch(
        tile.variant(
          "convolution/convolution_2d.comp", form: isWide ? 1 : 0, storage: operands.storage),
        groups: foldedGroups(tile.groupCount),
        parameters: window.parameters(operands, tile))
    ]
  }
}

extension ConvolutionWindow {
  /// A window of one pixel that moves by one sees each pixel once: the convolution is a product of
  /// all pixels [N H W, I] with the weight [O, I].
  private var isProduct: Bool { kh == 1 && kw == 1 && stride == 1 && padding == .all(0) }

  /// The convolution as a product.
  var product: ProductShape? {
    isProduct
      ? ProductShape(.init(batch: 1, m: n * h * w, n: o, k: i), transposeB: true) : nil
  }

  /// dx = dy [N H W, O] weight [O, I].
  var inputGradientProduct: ProductShape? {
    isProduct ? ProductShape(.init(batch: 1, m: n * h * w, n: i, k: o)) : nil
  }

  /// dw = dy^T [O, N H W] x [N H W, I].
  var weightGradientProduct: ProductShape? {
    isProduct
      ? ProductShape(.init(batch: 1, m: o, n: i, k: n * h * w), transposeA: true) : nil
  }

  func parameters(
    _ operands: ProductOperands, _ tile: ProductTile
  ) -> Convolution2DParameters {
    Convolution2DParameters(
      a: operands.a.address, b: operands.b.address, y: operands.y.address,
      bias: operands.bias?.address ?? 0, residual: operands.residual?.address ?? 0,
      samples: UInt32(n), height: UInt32(h), width: UInt32(w), inputChannels: UInt32(i),
      outputHeight: UInt32(ho), outputWidth: UInt32(wo), outputChannels: UInt32(o),
      kernelHeight: UInt32(kh), kernelWidth: UInt32(kw), stride: UInt32(stride),
      top: UInt32(padding.top), left: UInt32(padding.left), splits: UInt32(tile.splits),
      splitLength: UInt32(tile.splitLength), laneShift: UInt32(tile.laneShift))
  }
}
