import CKernelParameters
import Graph

extension ClipControl: VulkanOperation {
  public func launches(_ context: LoweringContext) -> [Launch] {
    [
      Launch(
        ShaderVariant("optimizer/clip_control.comp"), groups: (1, 1, 1),
        parameters: ClipControlParameters(
          norm: context.inputs[0].address, step: context.inputs[1].address,
          scale: context.outputs[0].address, nextStep: context.outputs[1].address,
          maximum: maximumNorm ?? -1))
    ]
  }
}
