import VKRuntime

/// How fast a device's own command copies from one kind of memory to another.
public struct BufferCopy: Sendable {
  public let source: ArenaKind
  public let target: ArenaKind
  public let byteCount: UInt64

  public init(from source: ArenaKind, to target: ArenaKind, byteCount: UInt64) {
    self.source = source
    self.target = target
    self.byteCount = byteCount
  }

  private static let runCount = 5

  /// Seconds of the best of several copies, by the device's clock.
  /// - Throws: `VulkanError`
  public func bestSeconds(on device: Device) throws -> Double {
    let from = try Arena(device, kind: source, byteCount: byteCount, name: "copy source")
    let to = try Arena(device, kind: target, byteCount: byteCount, name: "copy target")
    let pool = try TimestampPool(device, count: Self.runCount + 2, name: "copy")
    let stream = try CommandStream(device, name: "copy")
    stream.fill(from, byteCount: byteCount)
    stream.barrier()
    stream.reset(pool)
    stream.writeTimestamp(into: pool, slot: 0)
    for slot in 1...Self.runCount + 1 {
      stream.copy(from: from, offset: 0, to: to, offset: 0, byteCount: byteCount)
      stream.barrier()
      stream.writeTimestamp(into: pool, slot: slot)
    }
    try stream.end()
    let timeline = try Timeline(device, name: "copy")
    try timeline.wait(for: timeline.submit([stream]))
    // The first copy meets memory that was never written, and is left out.
    let seconds = try (1...Self.runCount).compactMap { try pool.seconds(from: $0, to: $0 + 1) }
    return seconds.min() ?? .infinity
  }
}
