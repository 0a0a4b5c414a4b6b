import CVulkan

/// What a device can hold and how its groups are shaped; queried, never assumed.
public struct DeviceLimits: Sendable {
  /// A region of memory with its own size.
  public struct Heap: Sendable, Equatable {
    /// Size in bytes.
    public var byteCount: UInt64
    /// Near the device; false for system memory beside a discrete card.
    public var isDeviceLocal: Bool
  }

  /// Lanes of a subgroup unless a pipeline asks for another size.
  public var subgroupSize: Int
  /// Sizes that a pipeline may require; equal to `subgroupSize` where it cannot be chosen.
  public var subgroupSizes: ClosedRange<Int>
  /// Whether a compute pipeline may require a subgroup size.
  public var allowsRequiredSubgroupSize: Bool
  /// Subgroup operations in compute shaders.
  public var subgroupOperations: Set<SubgroupOperation>
  /// Bytes of launch parameters: at least 128 everywhere, 256 on many.
  public var maxPushConstantByteCount: Int
  /// Bytes of shared memory of a workgroup.
  public var sharedMemoryByteCount: Int
  /// Workgroups of a dispatch in x, y, z. Only 65,535 is portable.
  public var maxGroupCounts: [Int]
  /// Invocations of a workgroup in x, y, z.
  public var maxGroupSizes: [Int]
  /// Invocations of a workgroup in all.
  public var maxGroupInvocations: Int
  /// Nanoseconds of a timestamp's unit.
  public var timestampPeriodNanoseconds: Double
  /// Bytes of the largest single allocation.
  public var maxAllocationByteCount: UInt64
  /// Bytes of the largest buffer.
  public var maxBufferByteCount: UInt64
  /// Memory heaps, in the driver's order.
  public var heaps: [Heap]
  /// Device memory is the host's: `.device` arenas are mapped too.
  public var isUnifiedMemory: Bool
  /// Shapes that a subgroup multiplies at once on matrix units; empty where there are none.
  public var matrixShapes: [MatrixShape]
  /// Multiprocessors of an NVIDIA GPU (`VK_NV_shader_sm_builtins`); nil where nothing tells.
  public var multiprocessorCount: Int?

  /// Bytes of all device-local heaps.
  public var deviceByteCount: UInt64 {
    heaps.filter(\.isDeviceLocal).reduce(0) { $0 + $1.byteCount }
  }

  /// Bytes of the largest arena: one allocation holding one buffer.
  public var maxArenaByteCount: UInt64 { min(maxAllocationByteCount, maxBufferByteCount) }
}

/// Families of subgroup operations (`GL_KHR_shader_subgroup_*`).
public enum SubgroupOperation: UInt32, CaseIterable, Sendable {
  case basic = 1
  case vote = 2
  case arithmetic = 4
  case ballot = 8
  case shuffle = 16
  case shuffleRelative = 32
  case clustered = 64
  case quad = 128
}

/// Memory of one heap as the driver sees it now (`VK_EXT_memory_budget`).
public struct MemoryBudget: Sendable, Equatable {
  public var heap: DeviceLimits.Heap
  /// Bytes this process can expect to allocate in all, other programs considered.
  public var budgetByteCount: UInt64
  /// Bytes this process uses, the driver's own included.
  public var usedByteCount: UInt64
}

extension DeviceLimits {
  /// Gathers the limits of `device` from its properties of Vulkan 1.0 to 1.3.
  init(
    core: VkPhysicalDeviceProperties, version11: VkPhysicalDeviceVulkan11Properties,
    version13: VkPhysicalDeviceVulkan13Properties, memory: VkPhysicalDeviceMemoryProperties,
    features: Set<DeviceFeature>, matrixShapes: [MatrixShape], multiprocessorCount: Int?
  ) {
    self.matrixShapes = matrixShapes
    self.multiprocessorCount = multiprocessorCount
    let limits = core.limits
    let compute = VK_SHADER_STAGE_COMPUTE_BIT.rawValue
    subgroupSize = Int(version11.subgroupSize)
    allowsRequiredSubgroupSize =
      features.contains(.subgroupSizeControl)
      && version13.requiredSubgroupSizeStages & compute != 0
    let low = Int(version13.minSubgroupSize)
    let high = Int(version13.maxSubgroupSize)
    subgroupSizes = low > 0 && low <= high ? low...high : subgroupSize...subgroupSize
    subgroupOperations =
      version11.subgroupSupportedStages & compute == 0
      ? []
      : Set(
        SubgroupOperation.allCases.filter {
          version11.subgroupSupportedOperations & $0.rawValue != 0
        })
    maxPushConstantByteCount = Int(limits.maxPushConstantsSize)
    sharedMemoryByteCount = Int(limits.maxComputeSharedMemorySize)
    maxGroupCounts = elements(of: limits.maxComputeWorkGroupCount, as: UInt32.self).map { Int($0) }
    maxGroupSizes = elements(of: limits.maxComputeWorkGroupSize, as: UInt32.self).map { Int($0) }
    maxGroupInvocations = Int(limits.maxComputeWorkGroupInvocations)
    timestampPeriodNanoseconds = Double(limits.timestampPeriod)
    maxAllocationByteCount = version11.maxMemoryAllocationSize
    maxBufferByteCount = version13.maxBufferSize
    heaps = elements(of: memory.memoryHeaps, as: VkMemoryHeap.self)
      .prefix(Int(memory.memoryHeapCount)).map {
        Heap(
          byteCount: $0.size,
          isDeviceLocal: $0.flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT.rawValue != 0)
      }
    isUnifiedMemory =
      core.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU
      || core.deviceType == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU
  }

  /// What `VK_NV_shader_sm_builtins` tells.
  static func multiprocessorCount(
    of device: VkPhysicalDevice, extensions: Set<String>
  ) -> Int? {
    guard extensions.contains("VK_NV_shader_sm_builtins") else { return nil }
    let chain = StructureChain()
    var properties = VkPhysicalDeviceProperties2()
    properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2
    var processors = VkPhysicalDeviceShaderSMBuiltinsPropertiesNV()
    processors.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_SM_BUILTINS_PROPERTIES_NV
    let place = chain.append(properties)
    let processorsPlace = chain.append(processors)
    return withExtendedLifetime(chain) {
      vkGetPhysicalDeviceProperties2(device, place)
      let count = Int(processorsPlace.pointee.shaderSMCount)
      return count > 0 ? count : nil
    }
  }
}
