import CKernelParameters
import Graph

extension PhiloxNormal: VulkanOperation {
  public func launches(_ context: LoweringContext) -> [Launch] {
    let (keys, y) = (context.inputs[0], context.outputs[0])
    let samples = keys.type.shape[0]
    let size = y.type.elementCount / samples
    let blocks = (size + 3) / 4
    return [
      context.elementwise(
        "random/philox_normal.comp", count: samples * blocks, storage: [:],
        parameters: PhiloxNormalParameters(
          keys: keys.address, y: y.address, count: UInt32(samples * blocks),
          blocks: UInt32(blocks), size: UInt32(size)))
    ]
  }
}
