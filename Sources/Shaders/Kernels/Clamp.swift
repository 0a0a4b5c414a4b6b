import CKernelParameters
import Graph

extension Clamp: VulkanOperation {
  public func launches(_ context: LoweringContext) -> [Launch] {
    [clampLaunch(context, gradient: nil, low: low, high: high)]
  }
}

extension ClampGradient: VulkanOperation {
  public func launches(_ context: LoweringContext) -> [Launch] {
    [clampLaunch(context, gradient: context.inputs[1], low: low, high: high)]
  }
}

private func clampLaunch(
  _ context: LoweringContext, gradient dy: Binding?, low: Float, high: Float
) -> Launch {
  let (x, y) = (context.inputs[0], context.outputs[0])
  let shape = ElementwiseShape(count: y.type.elementCount, device: context.device)
  var defines = [
    "STORAGE_X": x.type.dtype.storageMacro, "STORAGE_Y": y.type.dtype.storageMacro,
    "GRADIENT": dy == nil ? "0" : "1",
  ]
  if let dy { defines["STORAGE_DY"] = dy.type.dtype.storageMacro }
  return Launch(
    ShaderVariant("elementwise/clamp.comp", defines: defines, constants: shape.constants),
    groups: shape.groups,
    parameters: ClampParameters(
      x: x.address, dy: dy?.address ?? 0, y: y.address, count: UInt32(y.type.elementCount),
      low: low, high: high))
}
