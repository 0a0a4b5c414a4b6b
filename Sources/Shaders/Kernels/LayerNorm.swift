import CKernelParameters
import Graph

extension LayerNorm: VulkanOperation {
  public func launches(_ context: LoweringContext) -> [Launch] {
    let x = context.inputs[0]
    let width = x.type.lastDimension
    let rows = x.type.elementCount / width
    return [
      context.rows(
        "norm/layer_norm.comp", rows: rows, width: width,
        storage: ["X": x.type.dtype, "W": context.inputs[1].type.dtype],
        parameters: LayerNormParameters(
          x: x.address, weight: context.inputs[1].address, bias: context.inputs[2].address,
          y: context.outputs[0].address, mean: context.outputs[1].address,
          rstd: context.outputs[2].address, rows: UInt32(rows), width: UInt32(width),
          epsilon: Float(epsilon)))
    ]
  }
}

extension LayerNormGradient: VulkanOperation {
  public func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int {
    let width = inputs[0].lastDimension
    let parts = SumParts.rows(inputs[0].elementCount / width, device: device)
    return hasParameterGradients ? parts.count * width * 8 : 0
  }

  public func launches(_ context: LoweringContext) -> [Launch] {
    let (x, weight, dy) = (context.inputs[0], context.inputs[1], context.inputs[4])
    let width = x.type.lastDimension
    let rows = x.type.elementCount / width
    let parts = SumParts.rows(rows, device: context.device)
    let parameters = LayerNormGradientParameters(
      x: x.address, weight: weight.address, mean: context.inputs[2].address,
      rstd: context.inputs[3].address, dy: dy.address, dx: context.outputs[0].address,
      sums: context.workspace, rows: UInt32(rows), width: UInt32(width),
      parts: UInt32(parts.count), rowsOfPart: UInt32(parts.size))
    let storage = ["X": x.type.dtype, "W": weight.type.dtype, "DY": dy.type.dtype]
    let dx = context.rows(
      "norm/layer_norm_gradient.comp", rows: rows, width: width, storage: storage,
      parameters: parameters)
    guard hasParameterGradients else { return [dx] }
    return [
      dx,
      context.columns(
        "norm/layer_norm_gradient_sums.comp", columns: width, parts: parts.count,
        storage: storage, parameters: parameters),
      context.normParameterGradient(sums: context.workspace, rows: parts.count, width: width),
    ]
  }
}

extension LoweringContext {
  /// A launch that treats rows one by one, a few of them in each workgroup on a CPU.
  fileprivate func rows<Parameters: BitwiseCopyable>(
    _ path: String, rows: Int, width: Int, storage: [String: DType], parameters: Parameters
  ) -> Launch {
    let rowsOfGroup = device.isCPU ? 8 : 1
    return grouped(
      path, groups: (rows + rowsOfGroup - 1) / rowsOfGroup, lanes: width > 512 ? 256 : 64,
      storage: storage, constants: [1: UInt32(rowsOfGroup)], parameters: parameters)
  }
}
