import CKernelParameters
import Graph

extension Mix: VulkanOperation {
  public func launches(_ context: LoweringContext) -> [Launch] {
    let (x, y, z) = (context.inputs[0], context.inputs[1], context.outputs[0])
    let size = z.type.elementCount / z.type.shape[0]
    let values = Values.dividing(size)
    let count = values.count(z.type.elementCount)
    return [
      context.elementwise(
        "elementwise/mix.comp", count: count, values: values,
        storage: ["X": x.type.dtype, "Y": y.type.dtype, "Z": z.type.dtype],
        parameters: MixParameters(
          x: x.address, y: y.address, coefficients: context.inputs[2].address, z: z.address,
          count: UInt32(count), size: UInt32(values.count(size))))
    ]
  }
}
