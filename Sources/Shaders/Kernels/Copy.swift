import CKernelParameters
import Graph

extension Copy: VulkanOperation {
  public func launches(_ context: LoweringContext) -> [Launch] {
    let (x, y) = (context.inputs[0], context.outputs[0])
    if x.type.dtype == y.type.dtype { return [Self.bits(context, x, y)] }
    // Whole numbers go one by one: there is little of them.
    let hasIntegers = [x.type.dtype, y.type.dtype].contains(.i32)
    let values: Values = hasIntegers ? .single : .pairs
    let count = values.count(y.type.elementCount)
    return [
      context.elementwise(
        "elementwise/copy.comp", count: count, values: values,
        storage: ["X": x.type.dtype, "Y": y.type.dtype],
        parameters: CopyParameters(x: x.address, y: y.address, count: UInt32(count)))
    ]
  }

  /// The same bits, in the widest words that divide the tensor; codes of a byte take some of the padding
  /// along.
  private static func bits(_ context: LoweringContext, _ x: Binding, _ y: Binding) -> Launch {
    let byteCount = y.type.byteCount
    let element = y.type.dtype.byteCount
    let word = byteCount % 8 == 0 || element == 1 ? 8 : element
    let count = ceilDivide(byteCount, word)
    return context.elementwise(
      "elementwise/copy.comp", count: count, storage: [:], defines: ["WORD": String(word)],
      parameters: CopyParameters(x: x.address, y: y.address, count: UInt32(count)))
  }
}
