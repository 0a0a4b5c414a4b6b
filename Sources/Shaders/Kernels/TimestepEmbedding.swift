import CKernelParameters
import Graph

extension TimestepEmbedding: VulkanOperation {
  public func launches(_ context: LoweringContext) -> [Launch] {
    let (t, y) = (context.inputs[0], context.outputs[0])
    let count = t.type.elementCount * (dimension / 2)
    return [
      context.elementwise(
        "shape/timestep_embedding.comp", count: count, storage: [:],
        parameters: TimestepEmbeddingParameters(
          t: t.address, y: y.address, count: UInt32(count), dimension: UInt32(dimension),
          logarithm: logarithm))
    ]
  }
}
