import CKernelParameters
import Graph

extension Fill: VulkanOperation {
  public func launches(_ context: LoweringContext) -> [Launch] {
    [context.filled(context.outputs[0], value: value)]
  }
}

extension LoweringContext {
  /// A launch that fills a tensor.
  func filled(_ y: Binding, value: Float) -> Launch {
    let values: Values = y.type.dtype == .i32 ? .single : .pairs
    let count = values.count(y.type.elementCount)
    return elementwise(
      "elementwise/fill.comp", count: count, values: values, storage: ["Y": y.type.dtype],
      parameters: FillParameters(y: y.address, count: UInt32(count), value: value))
  }
}
