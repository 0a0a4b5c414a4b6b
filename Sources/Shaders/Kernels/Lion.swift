import CKernelParameters
import Graph

extension Lion: VulkanOperation {
  public func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int { tableByteCount(inputs) }

  public func launches(_ context: LoweringContext) -> [Launch] {
    updateLaunches("optimizer/lion.comp", context) { address, table in
      LionParameters(
        table: address, learningRate: context.inputs[0].address,
        step: context.inputs[1].address, scale: context.inputs[2].address,
        entryWords: UInt32(table.entryWords), tensors: UInt32(table.entries.count),
        groups: UInt32(table.groups), seedLow: tensors.seedLow, seedHigh: tensors.seedHigh,
        weight1: Float(1 - beta1), weight2: Float(1 - beta2), weightDecay: Float(weightDecay))
    }
  }
}
