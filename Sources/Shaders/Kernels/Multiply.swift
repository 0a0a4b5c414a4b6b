import Graph

extension Multiply: VulkanOperation {
  public func launches(_ context: LoweringContext) -> [Launch] {
    [context.broadcast("elementwise/multiply.comp", a: context.inputs[0], b: context.inputs[1])]
  }
}
