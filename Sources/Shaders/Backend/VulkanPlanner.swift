import Graph

/// Tells what a Vulkan device would need for a plan, without one: the kernels' own answers for a GPU of
/// common traits.
///
/// It stands for a discrete GPU with subgroups of 32 lanes, 32 KiB of shared memory and no matrix
/// units; arenas are of 1 GiB. Unless it shares the host's memory, variables go through a staging ring of
/// at most 32 MiB. What a real device says may differ in scratch memory, where it chooses other kernels.
public struct VulkanPlanner: Planner {
  public let planningLimits: PlanningLimits
  private let traits: DeviceTraits
  private let stagingLimit: Int

  /// - Parameter sharesHostMemory: whether the host reaches the device's memory itself, as on integrated
  ///   GPUs and CPUs
  public init(
    arenaByteCount: Int = VulkanBackend.usualArenaByteCount, sharesHostMemory: Bool = false
  ) {
    planningLimits = PlanningLimits(arenaByteCount: arenaByteCount)
    traits = DeviceTraits(
      subgroupSize: 32, isCPU: false, hasCheapBroadcast: true, sharedMemoryByteCount: 32 << 10,
      maxGroupInvocations: 1024)
    stagingLimit = sharesHostMemory ? 0 : VulkanBackend.usualStagingByteCount
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
    if stagingLimit == 0 { return 0 }
    let byteCount = variables.reduce(0) { $0 + planningLimits.rounded($1.type.byteCount) }
    return StagingRing.byteCount(variables: byteCount, limit: stagingLimit)
  }

  public func stepBlockByteCount(_ demand: StoreDemand) -> Int { StepBlocks.byteCount(demand) }
}
