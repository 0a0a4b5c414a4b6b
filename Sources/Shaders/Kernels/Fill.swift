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
    elementwise(
      "elementwise/fill.comp", count: y.type.elementCount, storage: ["Y": y.type.dtype],
      parameters: FillParameters(
        y: y.address, count: UInt32(y.type.elementCount), value: value))
  }
}
