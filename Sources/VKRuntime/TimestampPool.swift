import CVulkan

/// Slots for the device's clock, written by command streams and read by the host without waiting.
public final class TimestampPool: Sendable {
  /// Number of slots.
  public let count: Int
  nonisolated(unsafe) let handle: VkQueryPool
  private let device: Device

  /// - Throws: `VulkanError` when the device's queue has no clock.
  public init(_ device: Device, count: Int, name: String) throws {
    precondition(count > 0, "a pool of \(count) timestamps")
    guard device.hasClock else {
      throw VulkanError(
        .unsupported, call: "vkCreateQueryPool", object: name,
        detail: "the queue of \(device.information.name) has no timestamps")
    }
    self.device = device
    self.count = count
    var info = VkQueryPoolCreateInfo()
    info.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO
    info.queryType = VK_QUERY_TYPE_TIMESTAMP
    info.queryCount = UInt32(count)
    var pool: VkQueryPool?
    try check(
      vkCreateQueryPool(device.handle, &info, nil, &pool), "vkCreateQueryPool", object: name)
    handle = try created(pool, "vkCreateQueryPool", object: name)
    // A slot that was never reset may not even be asked whether it is there.
    vkResetQueryPool(device.handle, handle, 0, UInt32(count))
    device.setName(name, of: handle, type: VK_OBJECT_TYPE_QUERY_POOL)
  }

  deinit { vkDestroyQueryPool(device.handle, handle, nil) }

  /// The device's clock in each slot, in its own ticks; nil where nothing is written yet.
  public func ticks() throws -> [UInt64?] {
    var words = [UInt64](repeating: 0, count: 2 * count)
    let flags =
      VK_QUERY_RESULT_64_BIT.rawValue | VK_QUERY_RESULT_WITH_AVAILABILITY_BIT.rawValue
    let result = words.withUnsafeMutableBytes { bytes in
      vkGetQueryPoolResults(
        device.handle, handle, 0, UInt32(count), bytes.count, bytes.baseAddress, 16, flags)
    }
    if result != VK_SUCCESS && result != VK_NOT_READY {
      throw device.failure(result, call: "vkGetQueryPoolResults", object: "timestamps")
    }
    return (0..<count).map { words[2 * $0 + 1] != 0 ? words[2 * $0] : nil }
  }

  /// Seconds from one slot to another; nil until both are written.
  public func seconds(from first: Int, to second: Int) throws -> Double? {
    let ticks = try ticks()
    guard let start = ticks[first], let end = ticks[second] else { return nil }
    return seconds(from: start, to: end)
  }

  /// A reading of the clock in seconds since an unknown moment; jumps back when the clock wraps.
  public func seconds(at ticks: UInt64) -> Double { seconds(from: 0, to: ticks) }

  /// Seconds between two readings of the clock, which may have wrapped around in between.
  public func seconds(from start: UInt64, to end: UInt64) -> Double {
    let bits = device.queueFamily.timestampBitCount
    let mask = bits >= 64 ? UInt64.max : (1 << UInt64(bits)) - 1
    return Double((end &- start) & mask) * device.limits.timestampPeriodNanoseconds * 1e-9
  }
}
