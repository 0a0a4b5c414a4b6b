import VKRuntime

/// Moves bytes between the host and arenas that it cannot reach, through the two halves of a small
/// mapped arena: the device copies one half while the host fills or reads the other.
///
/// Allocated once for a store. Copies take their turn behind what was submitted before them, so
/// that writing waits for nothing but a half that is still being copied.
final class StagingRing {
  private let device: Device
  private let timeline: Timeline
  private let arena: Arena
  private let halfByteCount: Int
  /// What is copied out of the half that is being filled.
  private var copies: [Copy] = []
  private var filledByteCount = 0
  private var current = 0
  /// The timeline's value from which on each half is free.
  private var freeFrom: [UInt64] = [0, 0]

  private struct Copy {
    let target: Arena
    let source: Int
    let offset: UInt64
    let byteCount: Int
  }

  /// Bytes of both halves of a ring for variables of this many bytes.
  /// - Parameter limit: bytes of both halves at most.
  static func byteCount(variables: Int, limit: Int) -> Int {
    min(variables, limit / 2 / alignment * alignment) * 2
  }

  /// Where copies start: what any device copies from at full speed.
  private static let alignment = 256

  init(_ device: Device, timeline: Timeline, byteCount: Int) throws {
    precondition(byteCount >= 2 * Self.alignment, "a staging ring of \(byteCount) bytes")
    self.device = device
    self.timeline = timeline
    halfByteCount = byteCount / 2
    // Cached by the host, because it reads too.
    arena = try Arena(device, kind: .readback, byteCount: UInt64(byteCount), name: "staging ring")
  }

  var byteCount: Int { Int(arena.byteCount) }

  /// Writes bytes to an arena. The last of them are on their way only after `flush`.
  /// - Parameter fill: writes a range of the bytes to the ring; pieces begin at multiples of 256
  func write(
    byteCount: Int, to target: Arena, at offset: UInt64,
    fill: (_ bytes: Range<Int>, _ target: UnsafeMutableRawBufferPointer) throws -> Void
  ) throws {
    var done = 0
    while done < byteCount {
      if filledByteCount >= halfByteCount { try flush() }
      if filledByteCount == 0 { try timeline.wait(for: freeFrom[current]) }
      let count = min(byteCount - done, halfByteCount - filledByteCount)
      let place = current * halfByteCount + filledByteCount
      try arena.withHostBytes(at: UInt64(place), count: count) {
        try fill(done..<done + count, $0)
      }
      copies.append(
        Copy(target: target, source: place, offset: offset + UInt64(done), byteCount: count))
      filledByteCount += (count + Self.alignment - 1) / Self.alignment * Self.alignment
      done += count
    }
  }

  /// Submits the copies that have been collected; whatever is submitted later sees their results.
  func flush() throws {
    if copies.isEmpty { return }
    let stream = try CommandStream(device, name: "staged writes")
    for copy in copies {
      stream.copy(
        from: arena, offset: UInt64(copy.source), to: copy.target, offset: copy.offset,
        byteCount: UInt64(copy.byteCount))
    }
    try stream.end()
    freeFrom[current] = try timeline.submit([stream])
    current = 1 - current
    filledByteCount = 0
    copies = []
  }

  /// Reads bytes of an arena after everything that was submitted and written before, in pieces that
  /// begin at multiples of 256.
  func read(
    _ source: Arena, at offset: UInt64, byteCount: Int,
    _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    try flush()
    let starts = Array(stride(from: 0, to: byteCount, by: halfByteCount))
    var values: [UInt64] = []
    for (index, start) in starts.enumerated() {
      let count = min(halfByteCount, byteCount - start)
      // The next part is on its way while the host reads this one.
      while values.count < min(index + 2, starts.count) {
        let next = values.count
        values.append(
          try fetch(
            source, offset + UInt64(starts[next]), half: next % 2,
            byteCount: min(halfByteCount, byteCount - starts[next])))
      }
      try timeline.wait(for: values[index])
      try arena.withHostBytes(at: UInt64(index % 2 * halfByteCount), count: count) {
        try body(UnsafeRawBufferPointer($0))
      }
    }
  }

  private func fetch(
    _ source: Arena, _ offset: UInt64, half: Int, byteCount: Int
  ) throws -> UInt64 {
    let stream = try CommandStream(device, name: "staged read")
    stream.copy(
      from: source, offset: offset, to: arena, offset: UInt64(half * halfByteCount),
      byteCount: UInt64(byteCount))
    try stream.end()
    let value = try timeline.submit([stream])
    // A reader that gives up leaves the half to be written to while it is still copied to.
    freeFrom[half] = value
    return value
  }
}
