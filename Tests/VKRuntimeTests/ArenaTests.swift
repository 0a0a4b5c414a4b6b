import Testing

@testable import VKRuntime

@Suite struct ArenaTests {
  @Test(arguments: ArenaKind.allCases)
  func allocatesMappedAndCountedMemory(kind: ArenaKind) throws {
    let device = try Device(cacheFolder: nil)
    do {
      let arena = try Arena(device, kind: kind, byteCount: 1000, name: "arena")
      #expect(arena.deviceAddress != 0)
      #expect((arena.mapped != nil) == (kind != .device || device.limits.isUnifiedMemory))
      #expect(device.memoryStatistics.byteCounts[kind] ?? 0 >= 1000)
      let second = try Arena(device, kind: kind, byteCount: 1 << 20, name: "second")
      #expect(device.memoryStatistics.byteCount >= 1000 + second.byteCount)
      if arena.mapped != nil {
        arena.write([1, 2, 3] as [UInt16], at: 994)
        #expect(arena.read(UInt16.self, count: 2, at: 996) == [2, 3])
      }
    }
    let after = device.memoryStatistics
    #expect(after.byteCount == 0)
    #expect(after.peakByteCount >= 1_049_576)
    #expect(after.peakByteCounts[kind] == after.peakByteCount)
    device.resetPeakMemory()
    #expect(device.memoryStatistics.peakByteCount == 0)
  }

  @Test func saysWhatWasAskedAllocatedAndThere() throws {
    let device = try Device(cacheFolder: nil)
    let small = try Arena(device, kind: .upload, byteCount: 3 << 20, name: "inputs")
    let asked = device.limits.deviceByteCount + device.limits.maxArenaByteCount
    let error = try #require(throws: VulkanError.self) {
      try Arena(device, kind: .device, byteCount: asked, name: "transient")
    }
    #expect(error.kind == .outOfMemory)
    #expect(error.object == "transient")
    let heaps = device.limits.heaps.filter(\.isDeviceLocal)
    for part in [
      "asked \(readableByteCount(asked)) of device memory",
      "largest allocation is \(readableByteCount(device.limits.maxArenaByteCount))",
      "allocated by vkxl: 3.00 MiB (upload 3.00 MiB)",
      "device heap: \(readableByteCount(try #require(heaps.first).byteCount))",
    ] {
      #expect(error.description.contains(part), "\(error)")
    }
    // Nothing of the failed one is left.
    #expect(device.memoryStatistics.byteCount == small.byteCount)
  }

  @Test func namesTheHeapThatRefused() throws {
    let device = try sharedDevice.get()
    let error = device.outOfMemory(
      .device, 5 << 30, "weights", call: "vkAllocateMemory", result: .init(-2), heapIndex: 0,
      reason: nil)
    #expect(
      error.description.hasPrefix(
        "vkAllocateMemory: VK_ERROR_OUT_OF_DEVICE_MEMORY (weights): asked 5.00 GiB of device"))
  }

  @Test(
    arguments: [
      (0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.50 KiB"), (1 << 30, "1.00 GiB"),
      (25_769_803_776, "24.00 GiB"), (1_052_770, "1.00 MiB"),
    ] as [(UInt64, String)])
  func writesByteCountsForPeople(byteCount: UInt64, text: String) {
    #expect(readableByteCount(byteCount) == text)
  }
}
