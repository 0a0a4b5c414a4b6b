import CKernelParameters
import Graph

extension GEGLU: VulkanOperation {
  public func launches(_ context: LoweringContext) -> [Launch] {
    let (x, y) = (context.inputs[0], context.outputs[0])
    let values = Values.dividing(y.type.lastDimension)
    let count = values.count(y.type.elementCount)
    return [
      context.elementwise(
        "elementwise/geglu.comp", count: count, values: values,
        storage: ["X": x.type.dtype, "Y": y.type.dtype],
        parameters: GEGLUParameters(
          x: x.address, dy: 0, y: y.address, count: UInt32(count),
          width: UInt32(values.count(y.type.lastDimension))))
    ]
  }
}

extension GEGLUGradient: VulkanOperation {
  public func launches(_ context: LoweringContext) -> [Launch] {
    let (x, dy, dx) = (context.inputs[0], context.inputs[1], context.outputs[0])
    let values = Values.dividing(dy.type.lastDimension)
    let count = values.count(dy.type.elementCount)
    return [
      context.elementwise(
        "elementwise/geglu_gradient.comp", count: count, values: values,
        storage: ["X": x.type.dtype, "DY": dy.type.dtype, "Y": dx.type.dtype],
        parameters: GEGLUParameters(
          x: x.address, dy: dy.address, y: dx.address, count: UInt32(count),
          width: UInt32(values.count(dy.type.lastDimension))))
    ]
  }
}
