import CKernelParameters
import Foundation
import Graph

extension AdamW: VulkanOperation {
  public func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int { tableByteCount(inputs) }

  public func launches(_ context: LoweringContext) -> [Launch] {
    updateLaunches("optimizer/adamw.comp", context) { address, table in
      AdamWParameters(
        table: address, learningRate: context.inputs[0].address,
        step: context.inputs[1].address, scale: context.inputs[2].address,
        entryWords: UInt32(table.entryWords), tensors: UInt32(table.entries.count),
        groups: UInt32(table.groups), seedLow: tensors.seedLow, seedHigh: tensors.seedHigh,
        logBeta1: Float(log(beta1)), logBeta2: Float(log(beta2)), weight1: Float(1 - beta1),
        beta2: Float(beta2), weight2: Float(1 - beta2), epsilon: Float(epsilon),
        weightDecay: Float(weightDecay))
    }
  }
}
