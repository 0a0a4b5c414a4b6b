import CVulkan

/// The Vulkan side of a command stream: a pool with one command buffer, and what it refers to.
// @unchecked: written by the one thread that records, constant once ended; submissions on other
// threads only read the handle and keep the object alive.
final class Recording: @unchecked Sendable {
  let commands: VkCommandBuffer
  private let pool: VkCommandPool
  private let device: Device
  private var kept: [ObjectIdentifier: any AnyObject & Sendable] = [:]

  init(_ device: Device, name: String) throws {
    self.device = device
    var poolInfo = VkCommandPoolCreateInfo()
    poolInfo.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO
    poolInfo.queueFamilyIndex = device.queueFamily.index
    var pool: VkCommandPool?
    try check(
      vkCreateCommandPool(device.handle, &poolInfo, nil, &pool), "vkCreateCommandPool",
      object: name)
    let createdPool = try created(pool, "vkCreateCommandPool", object: name)
    do {
      commands = try Self.begin(device, createdPool, name: name)
    } catch {
      vkDestroyCommandPool(device.handle, createdPool, nil)
      throw error
    }
    self.pool = createdPool
    device.setName(name, of: commands, type: VK_OBJECT_TYPE_COMMAND_BUFFER)
  }

  deinit { vkDestroyCommandPool(device.handle, pool, nil) }

  func keep(_ object: any AnyObject & Sendable) {
    kept[ObjectIdentifier(object)] = object
  }

  /// A barrier over all memory between the given stages and accesses.
  func barrier(
    from source: VkPipelineStageFlags2, _ sourceAccess: VkAccessFlags2,
    to target: VkPipelineStageFlags2, _ targetAccess: VkAccessFlags2
  ) {
    var memory = VkMemoryBarrier2()
    memory.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER_2
    memory.srcStageMask = source
    memory.srcAccessMask = sourceAccess
    memory.dstStageMask = target
    memory.dstAccessMask = targetAccess
    withUnsafePointer(to: memory) { memory in
      var info = VkDependencyInfo()
      info.sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO
      info.memoryBarrierCount = 1
      info.pMemoryBarriers = memory
      vkCmdPipelineBarrier2(commands, &info)
    }
  }

  private static func begin(
    _ device: Device, _ pool: VkCommandPool, name: String
  ) throws -> VkCommandBuffer {
    var info = VkCommandBufferAllocateInfo()
    info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO
    info.commandPool = pool
    info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY
    info.commandBufferCount = 1
    var buffer: VkCommandBuffer?
    try check(
      vkAllocateCommandBuffers(device.handle, &info, &buffer), "vkAllocateCommandBuffers",
      object: name)
    let commands = try created(buffer, "vkAllocateCommandBuffers", object: name)
    var begin = VkCommandBufferBeginInfo()
    begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO
    // A replay may be submitted while the one before it still runs.
    begin.flags = VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT.rawValue
    try check(vkBeginCommandBuffer(commands, &begin), "vkBeginCommandBuffer", object: name)
    return commands
  }
}
