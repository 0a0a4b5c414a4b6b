import CKernelParameters
import Graph

extension Activate: VulkanOperation {
  public func launches(_ context: LoweringContext) -> [Launch] {
    let (x, y) = (context.inputs[0], context.outputs[0])
    let count = Values.pairs.count(y.type.elementCount)
    return [
      context.elementwise(
        "elementwise/activate.comp", count: count, values: .pairs,
        storage: ["X": x.type.dtype, "Y": y.type.dtype],
        defines: ["ACTIVATION": String(activation.rawValue)],
        parameters: ActivateParameters(
          x: x.address, dy: 0, y: y.address, count: UInt32(count)))
    ]
  }
}

extension ActivateGradient: VulkanOperation {
  public func launches(_ context: LoweringContext) -> [Launch] {
    let (x, dy, y) = (context.inputs[0], context.inputs[1], context.outputs[0])
    let count = Values.pairs.count(y.type.elementCount)
    return [
      context.elementwise(
        "elementwise/activate_gradient.comp", count: count, values: .pairs,
        storage: ["X": x.type.dtype, "DY": dy.type.dtype, "Y": y.type.dtype],
        defines: ["ACTIVATION": String(activation.rawValue)],
        parameters: ActivateParameters(
          x: x.address, dy: dy.address, y: y.address, count: UInt32(count)))
    ]
  }
}
