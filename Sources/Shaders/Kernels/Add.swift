import Graph

extension Add: VulkanOperation {
  public func launches(_ context: LoweringContext) -> [Launch] {
    [context.broadcast("elementwise/add.comp", a: context.inputs[0], b: context.inputs[1])]
  }
}
