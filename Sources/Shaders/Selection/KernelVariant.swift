import Graph

/// A way of lowering operations other than the device's own, to check and measure it.
public struct KernelVariant: Hashable, Sendable, CustomStringConvertible {
  /// A candidate; nil leaves the choice to the device.
  public var choice: KernelChoice?
  /// As for a GPU: workgroups of many subgroups that meet in shared memory. lavapipe runs those too.
  public var isGPUShaped: Bool

  public init(choice: KernelChoice? = nil, isGPUShaped: Bool = false) {
    self.choice = choice
    self.isGPUShaped = isGPUShaped
  }

  public var description: String {
    (choice?.description ?? "only kernel") + (isGPUShaped ? ", as on a GPU" : "")
  }

  /// What an operation is lowered by.
  func traits(_ device: DeviceTraits) -> DeviceTraits {
    var traits = device
    if isGPUShaped { traits.isCPU = false }
    if let choice {
      traits.choices = KernelChoices(fixed: choice)
      if choice.code.usesBroadcasts { traits.hasCheapBroadcast = true }
    }
    return traits
  }

  /// The candidates of an operation on a device; one that leaves it the choice where there are none.
  public static func all(
    _ operation: any VulkanOperation, inputs: [TensorType], device: DeviceTraits
  ) -> [KernelVariant] {
    guard let outputs = try? operation.outputTypes(inputs),
      let selectable = operation as? any SelectableOperation
    else { return [KernelVariant()] }
    let selection = selectable.selection(inputs: inputs, outputs: outputs, device: device)
    return selection?.candidates.map { KernelVariant(choice: $0) } ?? [KernelVariant()]
  }
}

/// An operation lowered by a variant.
public struct VariantOperation<Base: VulkanOperation>: VulkanOperation {
  public static var name: String { Base.name }
  let base: Base
  let variant: KernelVariant

  public init(_ base: Base, _ variant: KernelVariant) {
    self.base = base
    self.variant = variant
  }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try base.outputTypes(inputs)
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    base.evaluate(inputs, outputs: outputs)
  }

  public func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int {
    base.workspaceByteCount(inputs: inputs, outputs: outputs, device: variant.traits(device))
  }

  public func launches(_ context: LoweringContext) -> [Launch] {
    base.launches(
      LoweringContext(
        inputs: context.inputs, outputs: context.outputs, workspace: context.workspace,
        device: variant.traits(context.device)))
  }
}

extension OperationCase {
  /// The case with its operation lowered by a variant; itself where it has no Vulkan kernel.
  public func lowered(by variant: KernelVariant) -> OperationCase {
    func lowered(_ base: some VulkanOperation) -> OperationCase {
      OperationCase(VariantOperation(base, variant), inputs, fills: fills)
    }
    guard let base = operation as? any VulkanOperation else { return self }
    return lowered(base)
  }

  /// The launches of all variants on a device, for their shaders alone: nothing has an address.
  ///
  /// - Throws: `ShapeError` when the operation does not take the inputs
  func unboundLaunches(
    on device: DeviceTraits, where isWanted: (KernelVariant) -> Bool = { _ in true }
  ) throws -> [Launch] {
    guard let base = operation as? any VulkanOperation else { return [] }
    let outputs = try base.outputTypes(inputs)
    return variants(on: device).filter(isWanted).flatMap { variant in
      base.launches(LoweringContext(unbound: inputs, outputs, device: variant.traits(device)))
    }
  }

  /// The candidates of the case's operation on a device.
  public func variants(on device: DeviceTraits) -> [KernelVariant] {
    guard let base = operation as? any VulkanOperation else { return [] }
    return KernelVariant.all(base, inputs: inputs, device: device)
  }
}
