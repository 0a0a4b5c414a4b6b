import CKernelParameters
import Graph

extension Convolution2DInputGradient: SelectableOperation {
  public func selection(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> KernelSelection? {
    let window = window(inputs)
    let problem = window.inputGradientProduct(inputs)?.problem
    return (problem ?? window.inputGradientProblem(inputs)).selection(device)
  }

  public func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int {
    let window = window(inputs)
    if let product = window.inputGradientProduct(inputs) {
      return product.workspaceByteCount(device)
    }
    let tile = window.inputGradientProblem(inputs).tile(device)
    return tile.workspaceByteCount(resultCount: outputs[0].elementCount)
  }

  public func launches(_ context: LoweringContext) -> [Launch] {
    let inputs = context.inputs
    let types = inputs.map(\.type)
    let window = window(types)
    let operands = ProductOperands(
      a: inputs[0], b: inputs[1], y: context.outputs[0], residual: hasResidual ? inputs[2] : nil)
    if let product = window.inputGradientProduct(types) {
      return product.launches(operands, context)
    }
    let tile = window.inputGradientProblem(types).tile(context.device)
    let count = context.outputs[0].type.elementCount
    let (packed, packing) = tile.pack(operands, resultCount: count, context)
    return packing + window.launches(packed, tile)
  }
}

extension Convolution2DWeightGradient: SelectableOperation {
  public func selection(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> KernelSelection? {
    let (window, operands) = (window(inputs), [inputs[1], inputs[0]])
    let problem = window.weightGradientProduct(operands)?.problem
    return (problem ?? window.weightGradientProblem(operands)).selection(device)
  }

  public func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int {
    let (window, operands) = (window(inputs), [inputs[1], inputs[0]])
    let product = window.weightGradientProduct(operands)
    let tile = (product?.problem ?? window.weightGradientProblem(operands)).tile(device)
    let byteCount = tile.workspaceByteCount(resultCount: outputs[0].elementCount)
    if outputs.count == 1 { return byteCount }
    return max(byteCount, tile.rowSumsByteCount(of: inputs[1], into: outputs[1], device))
  }

  public func launches(_ context: LoweringContext) -> [Launch] {
    let inputs = context.inputs
    let window = window(inputs.map(\.type))
    let operands = ProductOperands(
      a: inputs[1], b: inputs[0], y: context.outputs[0],
      rowSums: biasDType == nil ? nil : context.outputs[1])
    let types = [operands.a.type, operands.b.type]
    if let product = window.weightGradientProduct(types) {
      return product.launches(operands, context)
    }
    let tile = window.weightGradientProblem(types).tile(context.device)
    let count = operands.y.type.elementCount
    let (packed, packing) = tile.pack(operands, resultCount: count, context)
    let rowSums = tile.rowSumsLaunches(operands, context)
    if tile.splits == 1 { return packing + window.launches(packed, tile) + rowSums }
    let partials = Binding(
      type: TensorType([tile.splits, count], .f32),
      address: context.workspace)
    let parts = ProductOperands(a: packed.a, b: packed.b, y: partials)
    return packing + window.launches(parts, tile)
      + [context.sumPartials(partials, operands, columns: window.i)] + rowSums
  }
}
