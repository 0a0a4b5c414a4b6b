import CKernelParameters
import Graph

extension Copy: VulkanOperation {
  public func launches(_ context: LoweringContext) -> [Launch] {
    let (x, y) = (context.inputs[0], context.outputs[0])
    let shape = ElementwiseShape(count: y.type.elementCount, device: context.device)
    return [
      Launch(
        ShaderVariant(
          "elementwise/copy.comp",
          defines: [
            "STORAGE_X": x.type.dtype.storageMacro, "STORAGE_Y": y.type.dtype.storageMacro,
          ],
          constants: shape.constants),
        groups: shape.groups,
        parameters: CopyParameters(x: x.address, y: y.address, count: UInt32(y.type.elementCount)))
    ]
  }
}
