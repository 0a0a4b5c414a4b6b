import CVulkan

/// Bytes allocated by a device's arenas, now and at most.
public struct MemoryStatistics: Sendable, Equatable {
  /// Bytes allocated now, by kind.
  public private(set) var byteCounts: [ArenaKind: UInt64] = [:]
  /// The most bytes that were allocated at once, by kind.
  public private(set) var peakByteCounts: [ArenaKind: UInt64] = [:]
  /// The most bytes of all kinds that were allocated at once.
  public private(set) var peakByteCount: UInt64 = 0

  /// Bytes of all kinds allocated now.
  public var byteCount: UInt64 { byteCounts.values.reduce(0, +) }

  mutating func add(_ count: UInt64, _ kind: ArenaKind) {
    byteCounts[kind, default: 0] += count
    peakByteCounts[kind] = max(peakByteCounts[kind] ?? 0, byteCounts[kind] ?? 0)
    peakByteCount = max(peakByteCount, byteCount)
  }

  mutating func remove(_ count: UInt64, _ kind: ArenaKind) {
    byteCounts[kind, default: 0] -= count
  }

  /// Makes the present the peak.
  mutating func resetPeak() {
    peakByteCounts = byteCounts
    peakByteCount = byteCount
  }
}

extension Device {
  /// Bytes allocated by this device's arenas, with their peaks.
  public var memoryStatistics: MemoryStatistics { memory.withLock { $0 } }

  /// Makes the present allocation the peak, e.g. before a phase that is to be measured.
  public func resetPeakMemory() { memory.withLock { $0.resetPeak() } }

  /// Whether the host reaches `.device` arenas directly.
  public var mapsDeviceArenas: Bool {
    limits.isUnifiedMemory
      && (try? memoryType(for: .device, allowed: .max, name: "device"))?.isMapped == true
  }

  /// What the driver reports for each heap now; nil without `VK_EXT_memory_budget`.
  public var memoryBudgets: [MemoryBudget]? {
    guard enabledExtensions.contains("VK_EXT_memory_budget") else { return nil }
    let chain = StructureChain()
    var properties = VkPhysicalDeviceMemoryProperties2()
    properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2
    let place = chain.append(properties)
    var budget = VkPhysicalDeviceMemoryBudgetPropertiesEXT()
    budget.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT
    let budgetPlace = chain.append(budget)
    return withExtendedLifetime(chain) {
      vkGetPhysicalDeviceMemoryProperties2(physical, place)
      let budgets = elements(of: budgetPlace.pointee.heapBudget, as: VkDeviceSize.self)
      let usages = elements(of: budgetPlace.pointee.heapUsage, as: VkDeviceSize.self)
      return limits.heaps.indices.map {
        MemoryBudget(
          heap: limits.heaps[$0], budgetByteCount: budgets[$0], usedByteCount: usages[$0])
      }
    }
  }

  struct MemoryType {
    let index: UInt32
    let heapIndex: Int
    let isMapped: Bool
  }

  /// The memory type for a kind of arena: the first that has what is needed, with most of what is
  /// wanted. Drivers list the better ones first.
  func memoryType(for kind: ArenaKind, allowed: UInt32, name: String) throws -> MemoryType {
    let local = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT.rawValue
    let visible =
      VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT.rawValue | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT.rawValue
    let cached = VK_MEMORY_PROPERTY_HOST_CACHED_BIT.rawValue
    // Needed and unwanted bits, the best combination first.
    let choices: [(needed: UInt32, unwanted: UInt32)] =
      switch kind {
      case .device where limits.isUnifiedMemory: [(local | visible, 0), (local, 0), (0, 0)]
      case .device: [(local, visible), (local, 0), (0, 0)]
      case .upload: [(visible, local), (visible, 0)]
      case .readback: [(visible | cached, local), (visible | cached, 0), (visible, 0)]
      }
    var properties = VkPhysicalDeviceMemoryProperties()
    vkGetPhysicalDeviceMemoryProperties(physical, &properties)
    let types = elements(of: properties.memoryTypes, as: VkMemoryType.self)
      .prefix(Int(properties.memoryTypeCount))
    for choice in choices {
      for (index, type) in types.enumerated()
      where allowed & (1 << UInt32(index)) != 0
        && type.propertyFlags & choice.needed == choice.needed
        && type.propertyFlags & choice.unwanted == 0
        && type.propertyFlags & Self.unusableMemory == 0
      {
        let isVisible = type.propertyFlags & visible == visible
        return MemoryType(
          index: UInt32(index), heapIndex: Int(type.heapIndex),
          isMapped: isVisible && (kind != .device || limits.isUnifiedMemory))
      }
    }
    throw VulkanError(
      .unsupported, call: "vkGetPhysicalDeviceMemoryProperties", object: name,
      detail: "\(information.name) has no memory type for \(kind.rawValue) arenas")
  }

  /// Protected, lazily allocated and AMD's uncached memory are not for kernels.
  private static var unusableMemory: UInt32 {
    VK_MEMORY_PROPERTY_PROTECTED_BIT.rawValue | VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT.rawValue
      | VK_MEMORY_PROPERTY_DEVICE_UNCACHED_BIT_AMD.rawValue
      | VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD.rawValue
  }

  /// The error of an allocation that does not fit: what was asked, what is allocated, what is free.
  func outOfMemory(
    _ kind: ArenaKind, _ byteCount: UInt64, _ name: String, call: String, result: VkResult?,
    heapIndex: Int?, reason: String?
  ) -> VulkanError {
    let statistics = memoryStatistics
    var parts = ["asked \(readableByteCount(byteCount)) of \(kind.rawValue) memory"]
    if let reason { parts.append(reason) }
    let kinds = ArenaKind.allCases.compactMap { kind in
      statistics.byteCounts[kind].map { "\(kind.rawValue) \(readableByteCount($0))" }
    }
    parts.append(
      "allocated by vkxl: \(readableByteCount(statistics.byteCount))"
        + (kinds.isEmpty ? "" : " (\(kinds.joined(separator: ", ")))"))
    let budgets = memoryBudgets
    for (index, heap) in limits.heaps.enumerated() where heapIndex ?? index == index {
      let place = heap.isDeviceLocal ? "device heap" : "host heap"
      var text = "\(place): \(readableByteCount(heap.byteCount))"
      if let budget = budgets?[index] {
        let free = budget.budgetByteCount.subtractingReportingOverflow(budget.usedByteCount)
        text += ", free \(readableByteCount(free.overflow ? 0 : free.partialValue))"
      }
      parts.append(text)
    }
    return VulkanError(
      .outOfMemory, call: call, result: result.map(resultName) ?? "", object: name,
      detail: parts.joined(separator: "; "))
  }
}

extension Device {
  /// Lets the process keep the memory that it frees, for drivers whose compilers take and return megabytes
  /// again and again. Before a device is opened; for processes that do little else.
  public static func keepFreedMemory() { vkxl_keep_freed_memory() }
}
