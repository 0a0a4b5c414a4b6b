import CKernelParameters
import Graph

extension UpsampleNearest: VulkanOperation {
  public func launches(_ context: LoweringContext) -> [Launch] {
    [
      context.upsample(
        "shape/upsample_nearest.comp", smaller: context.inputs[0].type)
    ]
  }
}

extension UpsampleNearestGradient: VulkanOperation {
  public func launches(_ context: LoweringContext) -> [Launch] {
    [
      context.upsample(
        "shape/upsample_nearest_gradient.comp", smaller: context.outputs[0].type)
    ]
  }
}

extension LoweringContext {
  fileprivate func upsample(_ path: String, smaller: TensorType) -> Launch {
    let (x, y) = (inputs[0], outputs[0])
    let values = Values.dividing(smaller.shape[3])
    let count = values.count(smaller.elementCount)
    return elementwise(
      path, count: count, values: values, storage: ["X": x.type.dtype, "Y": y.type.dtype],
      parameters: UpsampleNearestParameters(
        x: x.address, y: y.address, count: UInt32(count),
        width: UInt32(smaller.shape[2]), channels: UInt32(values.count(smaller.shape[3]))))
  }
}
