import CVulkan

/// Where an arena's memory is.
public enum ArenaKind: String, Sendable, CaseIterable {
  /// Near the device: parameters, activations. Mapped only on devices with unified memory.
  case device
  /// Written by the host, read by the device. Mapped, coherent.
  case upload
  /// Written by the device, read by the host. Mapped, coherent, cached where the device can.
  case readback
}

/// One allocation holding one buffer, addressed by kernels through its 64-bit device address.
///
/// Its contents are undefined at first. An arena must outlive the submissions that use its
/// address: wait on the timeline before letting go of it. Arenas named in copies and fills are
/// kept by the command stream.
// @unchecked: all stored properties are constants; the host and the device take turns on the
// contents, ordered by the caller through timelines.
public final class Arena: @unchecked Sendable {
  /// What errors call it.
  public let name: String
  /// Who reads and writes it.
  public let kind: ArenaKind
  /// Bytes that may be used.
  public let byteCount: UInt64
  /// Address of the first byte, for kernels.
  public let deviceAddress: UInt64
  /// The first byte for the host; nil when only the device can reach it.
  public let mapped: UnsafeMutableRawPointer?

  let buffer: VkBuffer
  private let memory: VkDeviceMemory
  private let allocatedByteCount: UInt64
  private let device: Device

  /// Allocates `byteCount` bytes (at least 1).
  ///
  /// - Throws: `VulkanError` of kind `outOfMemory` that says what was asked, what is allocated and
  ///   what the device has.
  public init(_ device: Device, kind: ArenaKind, byteCount: UInt64, name: String) throws {
    precondition(byteCount > 0, "arena \(name) of 0 bytes")
    if byteCount > device.limits.maxArenaByteCount {
      throw device.outOfMemory(
        kind, byteCount, name, call: "vkAllocateMemory", result: nil, heapIndex: nil,
        reason: "the device's largest allocation is "
          + readableByteCount(device.limits.maxArenaByteCount))
    }
    let block = try MemoryBlock(device, kind: kind, byteCount: byteCount, name: name)
    self.device = device
    self.name = name
    self.kind = kind
    self.byteCount = byteCount
    (buffer, memory, mapped) = (block.buffer, block.memory, block.mapped)
    deviceAddress = block.deviceAddress
    allocatedByteCount = block.allocatedByteCount
    device.memory.withLock { $0.add(allocatedByteCount, kind) }
    device.setName(name, of: buffer, type: VK_OBJECT_TYPE_BUFFER)
    device.setName(name, of: memory, type: VK_OBJECT_TYPE_DEVICE_MEMORY)
  }

  deinit {
    vkDestroyBuffer(device.handle, buffer, nil)
    vkFreeMemory(device.handle, memory, nil)
    device.memory.withLock { $0.remove(allocatedByteCount, kind) }
  }

  /// Copies host values to a byte offset. Traps unless mapped and in range.
  public func write<T: BitwiseCopyable>(_ values: [T], at offset: UInt64 = 0) {
    values.withUnsafeBytes { write($0, at: offset) }
  }

  /// Copies host bytes to a byte offset. Traps unless mapped and in range.
  public func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64 = 0) {
    let place = hostRange(offset, UInt64(bytes.count))
    place.copyMemory(from: bytes)
  }

  /// Bytes as the host sees them, to be filled or read in place; valid within `body` only. Traps unless
  /// mapped and in range.
  public func withHostBytes<R>(
    at offset: UInt64, count: Int, _ body: (UnsafeMutableRawBufferPointer) throws -> R
  ) rethrows -> R {
    defer { withExtendedLifetime(self) {} }
    return try body(hostRange(offset, UInt64(count)))
  }

  /// The `count` values at a byte offset. Traps unless mapped and in range.
  public func read<T: BitwiseCopyable>(
    _ type: T.Type, count: Int, at offset: UInt64 = 0
  ) -> [T] {
    let place = hostRange(offset, UInt64(count * MemoryLayout<T>.stride))
    return [T](unsafeUninitializedCapacity: count) { buffer, filled in
      UnsafeMutableRawBufferPointer(buffer).copyMemory(from: UnsafeRawBufferPointer(place))
      filled = count
    }
  }

  /// Traps unless the bytes lie in the arena.
  func requireRange(_ offset: UInt64, _ count: UInt64) {
    precondition(
      offset <= byteCount && count <= byteCount - offset,
      "bytes \(offset)..<\(offset &+ count) of arena \(name), which has \(byteCount)")
  }

  private func hostRange(_ offset: UInt64, _ count: UInt64) -> UnsafeMutableRawBufferPointer {
    guard let mapped else { preconditionFailure("arena \(name) is not mapped") }
    requireRange(offset, count)
    return UnsafeMutableRawBufferPointer(start: mapped + Int(offset), count: Int(count))
  }
}

/// The Vulkan objects of an arena, made together or not at all.
private struct MemoryBlock {
  let buffer: VkBuffer
  let memory: VkDeviceMemory
  let mapped: UnsafeMutableRawPointer?
  let deviceAddress: UInt64
  let allocatedByteCount: UInt64

  init(_ device: Device, kind: ArenaKind, byteCount: UInt64, name: String) throws {
    let buffer = try Self.makeBuffer(device, byteCount, name)
    do {
      var requirements = VkMemoryRequirements()
      vkGetBufferMemoryRequirements(device.handle, buffer, &requirements)
      let type = try device.memoryType(for: kind, allowed: requirements.memoryTypeBits, name: name)
      let memory = try Self.allocate(device, kind, requirements.size, type, name)
      do {
        try check(
          vkBindBufferMemory(device.handle, buffer, memory, 0), "vkBindBufferMemory", object: name)
        mapped = type.isMapped ? try Self.map(device, memory, name) : nil
      } catch {
        vkFreeMemory(device.handle, memory, nil)
        throw error
      }
      self.memory = memory
      allocatedByteCount = requirements.size
    } catch {
      vkDestroyBuffer(device.handle, buffer, nil)
      throw error
    }
    self.buffer = buffer
    var info = VkBufferDeviceAddressInfo()
    info.sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO
    info.buffer = buffer
    deviceAddress = vkGetBufferDeviceAddress(device.handle, &info)
  }

  private static func makeBuffer(
    _ device: Device, _ byteCount: UInt64, _ name: String
  ) throws -> VkBuffer {
    var info = VkBufferCreateInfo()
    info.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO
    info.size = byteCount
    info.usage =
      VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT.rawValue
      | VK_BUFFER_USAGE_STORAGE_BUFFER_BIT.rawValue
      | VK_BUFFER_USAGE_TRANSFER_SRC_BIT.rawValue | VK_BUFFER_USAGE_TRANSFER_DST_BIT.rawValue
    info.sharingMode = VK_SHARING_MODE_EXCLUSIVE
    var buffer: VkBuffer?
    try check(
      vkCreateBuffer(device.handle, &info, nil, &buffer), "vkCreateBuffer", object: name)
    return try created(buffer, "vkCreateBuffer", object: name)
  }

  private static func allocate(
    _ device: Device, _ kind: ArenaKind, _ byteCount: UInt64, _ type: Device.MemoryType,
    _ name: String
  ) throws -> VkDeviceMemory {
    var flags = VkMemoryAllocateFlagsInfo()
    flags.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO
    flags.flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT.rawValue
    var memory: VkDeviceMemory?
    let result = withUnsafePointer(to: flags) { flags in
      var info = VkMemoryAllocateInfo()
      info.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO
      info.pNext = UnsafeRawPointer(flags)
      info.allocationSize = byteCount
      info.memoryTypeIndex = type.index
      return vkAllocateMemory(device.handle, &info, nil, &memory)
    }
    if result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_OUT_OF_HOST_MEMORY {
      throw device.outOfMemory(
        kind, byteCount, name, call: "vkAllocateMemory", result: result,
        heapIndex: type.heapIndex, reason: nil)
    }
    try check(result, "vkAllocateMemory", object: name)
    return try created(memory, "vkAllocateMemory", object: name)
  }

  private static func map(
    _ device: Device, _ memory: VkDeviceMemory, _ name: String
  ) throws -> UnsafeMutableRawPointer {
    var pointer: UnsafeMutableRawPointer?
    try check(
      vkMapMemory(device.handle, memory, 0, VkDeviceSize.max, 0, &pointer), "vkMapMemory",
      object: name)
    return try created(pointer, "vkMapMemory", object: name)
  }
}
