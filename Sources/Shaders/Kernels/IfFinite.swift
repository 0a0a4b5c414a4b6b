import CKernelParameters
import Graph

extension IfFinite: VulkanOperation {
  public func launches(_ context: LoweringContext) -> [Launch] {
    [
      Launch(
        ShaderVariant("optimizer/if_finite.comp"), groups: (1, 1, 1),
        parameters: IfFiniteParameters(
          probe: context.inputs[0].address, a: context.inputs[1].address,
          b: context.inputs[2].address, y: context.outputs[0].address))
    ]
  }
}
