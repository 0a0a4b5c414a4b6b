import Graph
import Shaders
import Testing

/// An operation lowered as for a GPU: workgroups of many subgroups that meet in shared memory.
/// lavapipe runs those too, so the code that only GPUs take is checked without one.
struct GPUShaped<Base: VulkanOperation>: VulkanOperation {
  static var name: String { Base.name }
  let base: Base

  private func traits(_ device: DeviceTraits) -> DeviceTraits {
    var traits = device
    traits.isCPU = false
    return traits
  }

  func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try base.outputTypes(inputs)
  }

  func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    base.evaluate(inputs, outputs: outputs)
  }

  func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int {
    base.workspaceByteCount(inputs: inputs, outputs: outputs, device: traits(device))
  }

  func launches(_ context: LoweringContext) -> [Launch] {
    base.launches(
      LoweringContext(
        inputs: context.inputs, outputs: context.outputs, workspace: context.workspace,
        device: traits(context.device)))
  }
}

@Suite struct GPUShapeTests {
  private static let cases =
    OperationCase.largeElementwiseCases + OperationCase.normCases + OperationCase.largeShapeCases
    + OperationCase.lossCases + OperationCase.randomCases + OperationCase.optimizerCases

  /// Cases in f32: storage is the same code in both shapes.
  @Test(arguments: cases.filter { $0.inputs.allSatisfy { [.f32, .i32].contains($0.dtype) } })
  func kernels(_ operation: OperationCase) throws {
    guard let base = operation.operation as? any VulkanOperation else {
      Issue.record("no kernel")
      return
    }
    try gpuShaped(base, operation).expectKernel()
  }

  private func gpuShaped(
    _ base: some VulkanOperation, _ operation: OperationCase
  ) -> OperationCase {
    OperationCase(GPUShaped(base: base), operation.inputs, fills: operation.fills)
  }
}
