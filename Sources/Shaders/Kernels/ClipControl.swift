import CKernelParameters
import Graph

extension ClipControl: VulkanOperation {
  public func launches(_ context: LoweringContext) -> [Launch] {
    var parameters = ClipControlParameters()
    parameters.norm = context.inputs[0].address
    parameters.step = context.inputs[1].address
    parameters.scale = context.outputs[0].address
    parameters.nextStep = context.outputs[1].address
    parameters.maximum = maximumNorm ?? -1
    if let lossScaling {
      parameters.lossScale = context.inputs[2].address
      parameters.goodSteps = context.inputs[3].address
      parameters.trueNorm = context.outputs[2].address
      parameters.nextLossScale = context.outputs[3].address
      parameters.nextGoodSteps = context.outputs[4].address
      parameters.growthInterval = Float(lossScaling.growthInterval)
      parameters.least = LossScaling.range.lowerBound
      parameters.most = LossScaling.range.upperBound
    }
    let shader = ShaderVariant(
      "optimizer/clip_control.comp", defines: lossScaling == nil ? [:] : ["LOSS_SCALING": "1"])
    return [Launch(shader, groups: (1, 1, 1), parameters: parameters)]
  }
}
