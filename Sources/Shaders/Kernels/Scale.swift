import CKernelParameters
import Graph

extension Scale: VulkanOperation {
  public func launches(_ context: LoweringContext) -> [Launch] {
    let (x, y) = (context.inputs[0], context.outputs[0])
    let count = Values.pairs.count(y.type.elementCount)
    return [
      context.elementwise(
        "elementwise/scale.comp", count: count, values: .pairs,
        storage: ["X": x.type.dtype, "Y": y.type.dtype],
        parameters: ScaleParameters(
          x: x.address, y: y.address, count: UInt32(count), factor: factor))
    ]
  }
}
