import Graph

/// Tells what a Vulkan device would need for a plan, without one: the kernels' own answers for a GPU of
/// common traits.
///
/// It stands for a discrete GPU with subgroups of 32 lanes, 32 KiB of shared memory and no matrix
/// units, whose variables the host writes through a staging ring of 32 MiB; arenas are of 1 GiB. What a
/// real device says may differ in scratch memory, where it chooses other kernels.
public struct VulkanPlanner: Planner {
  public let planningLimits: PlanningLimits
  private let traits: DeviceTraits
  private let stagingLimit: Int

  public init(arenaByteCount: Int = VulkanBackend.usualArenaByteCount) {
    planningLimits = PlanningLimits(arenaByteCount: arenaByteCount)
    traits = DeviceTraits(
      subgroupSize: 32, isCPU: false, hasCheapBroadcast: true, sharedMemoryByteCount: 32 << 10,
      maxGroupInvocations: 1024)
    stagingLimit = VulkanBackend.usualStagingByteCount
  }

  public func workspaceByteCount(
    _ operation: any Operation, inputs: [TensorType], outputs: [TensorType]
  ) -> Int {
    guard let kernel = operation as? any VulkanOperation else {
      preconditionFailure("\(operation.name) has no Vulkan kernel")
    }
    return kernel.workspaceByteCount(inputs: inputs, outputs: outputs, device: traits)
  }

  public func stagingByteCount(_ variables: [Variable]) -> Int {
    let byteCount = variables.reduce(0) { $0 + planningLimits.rounded($1.type.byteCount) }
    return StagingRing.byteCount(variables: byteCount, limit: stagingLimit)
  }

  public func stepBlockByteCount(_ demand: StoreDemand) -> Int { StepBlocks.byteCount(demand) }
}
