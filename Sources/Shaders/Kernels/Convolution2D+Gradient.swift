import CKernelParameters
import Graph

extension Convolution2DInputGradient: VulkanOperation {
  public func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int {
    window(inputs).inputGradientProduct?.workspaceByteCount(device) ?? 0
  }

  public func launches(_ context: LoweringContext) -> [Launch] {
    let inputs = context.inputs
    let window = window(inputs.map(\.type))
    let operands = ProductOperands(a: inputs[0], b: inputs[1], y: context.outputs[0])
    if let product = window.inputGradientProduct { return product.launches(operands, context) }
    let pixels = window.n * window.h * window.w
    let tile = ProductTile(
      m: pixels, n: window.i, depth: window.kh * window.kw * window.o, canSplit: false,
      device: context.device)
    let isWide = window.i % 4 == 0 && window.o % 4 == 0
    return [
      Launch(
        tile.variant(
          "convolution/convolution_2d_input_gradient.comp", form: isWide ? 2 : 0,
          storage: operands.storage),
        groups: foldedGroups(tile.groupCount),
        parameters: window.parameters(operands, tile))
    ]
  }
}

extension Convolution2DWeightGradient: VulkanOperation {
  public func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int {
    let window = window(inputs)
    if let product = window.weightGradientProduct { return product.workspaceByteCount(device) }
    let tile = tile(window, device)
    return tile.splits > 1 ? tile.splits * outputs[0].elementCount * 4 : 0
  }

  public func launches(_ context: LoweringContext) -> [Launch] {
    let inputs = context.inputs
    let window = window(inputs.map(\.type))
    let operands = ProductOperands(a: inputs[1], b: inputs[0], y: context.outputs[0])
    if let product = window.weightGradientProduct { return product.launches(operands, context) }
    let tile = tile(window, context.device)
    if tile.splits == 1 { return [launch(window, operands, tile)] }
    let partials = Binding(
      type: TensorType([tile.splits, operands.y.type.elementCount], .f32),
      address: context.workspace)
    return [
      launch(window, ProductOperands(a: operands.a, b: operands.b, y: partials), tile),
      context.sumPartials(partials, operands, columns: window.i),
    ]
  }

  private func tile(_ window: ConvolutionWindow, _ device: DeviceTraits) -> ProductTile {
    ProductTile(
      m: window.o, n: window.i, depth: window.n * window.pixels, copies: window.kh * window.kw,
      canSplit: true, device: device)
  }

  private func launch(
    _ window: ConvolutionWindow, _ operands: ProductOperands, _ tile: ProductTile
  ) -> Launch {
    let isWide = window.i % 4 == 0 && window.o % 4 == 0
    return Launch(
      tile.variant(
        "convolution/convolution_2d_weight_gradient.comp", form: isWide ? 3 : 0,
        storage: operands.storage),
      groups: foldedGroups(tile.groupCount),
      parameters: window.parameters(operands, tile))
  }
}
