import CKernelParameters
import Graph

extension Embedding: VulkanOperation {
  public func launches(_ context: LoweringContext) -> [Launch] {
    let (table, ids, y) = (context.inputs[0], context.inputs[1], context.outputs[0])
    let values = Values.dividing(table.type.shape[1])
    let count = values.count(y.type.elementCount)
    return [
      context.elementwise(
        "shape/embedding.comp", count: count, values: values,
        storage: ["X": table.type.dtype, "Y": y.type.dtype],
        parameters: EmbeddingParameters(
          x: table.address, ids: ids.address, y: y.address, count: UInt32(count),
          width: UInt32(values.count(table.type.shape[1])), vocabulary: UInt32(table.type.shape[0]))
      )
    ]
  }
}

extension EmbeddingGradient: VulkanOperation {
  public func launches(_ context: LoweringContext) -> [Launch] {
    let (ids, dy, table) = (context.inputs[0], context.inputs[1], context.outputs[0])
    let positions = ids.type.elementCount
    return [
      context.filled(table, value: 0),
      context.grouped(
        "shape/embedding_gradient.comp", groups: positions, lanes: 64,
        storage: ["X": dy.type.dtype, "Y": table.type.dtype],
        parameters: EmbeddingParameters(
          x: dy.address, ids: ids.address, y: table.address, count: UInt32(positions),
          width: UInt32(table.type.shape[1]), vocabulary: UInt32(vocabularySize))),
    ]
  }
}
