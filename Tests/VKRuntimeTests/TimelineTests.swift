import Testing

@testable import VKRuntime

@Suite struct TimelineTests {
  let device: Device

  init() throws { device = try sharedDevice.get() }

  @Test func countsSubmissions() throws {
    let timeline = try Timeline(device, name: "count")
    #expect(try timeline.completedValue == 0)
    #expect(timeline.lastSubmittedValue == 0)
    for value in 1...3 { #expect(try timeline.submit([]) == UInt64(value)) }
    try timeline.wait(for: 3, timeoutSeconds: 60)
    #expect(try timeline.completedValue == 3)
    #expect(timeline.lastSubmittedValue == 3)
  }

  @Test func waitsForAnotherTimeline() throws {
    let first = try Timeline(device, name: "first")
    let second = try Timeline(device, name: "second")
    let value = try first.submit([])
    try second.wait(
      for: second.submit([], waiting: [TimelinePoint(first, value)]), timeoutSeconds: 60)
    #expect(try first.completedValue == value)
  }

  @Test func givesUpAfterTheTimeout() throws {
    let timeline = try Timeline(device, name: "never")
    let error = try #require(throws: VulkanError.self) {
      try timeline.wait(for: 1, timeoutSeconds: 0.02)
    }
    #expect(error.kind == .timeout)
    #expect(error.description.contains("vkWaitSemaphores: VK_TIMEOUT (never): value 1 not reached"))
    #expect(error.description.contains("reached 0 of 0 submitted"))
  }

  @Test func timestampsRiseAndAreSeconds() throws {
    let words = try Arena(device, kind: .device, byteCount: 1 << 16, name: "words")
    let pool = try TimestampPool(device, count: 3, name: "clock")
    #expect(try pool.ticks() == [nil, nil, nil])
    let pipeline = try device.recurrencePipeline()
    let stream = try CommandStream(device, name: "timed")
    stream.reset(pool)
    stream.writeTimestamp(into: pool, slot: 0)
    stream.dispatch(
      pipeline, groups: Groups(256),
      parameters: RecurrenceParameters(x: words.deviceAddress, count: 1 << 14, rounds: 5000))
    stream.writeTimestamp(into: pool, slot: 1)
    stream.writeTimestamp(into: pool, slot: 2)
    try stream.end()
    let timeline = try Timeline(device, name: "timed")
    let clock = ContinuousClock()
    let start = clock.now
    try timeline.wait(for: timeline.submit([stream]), timeoutSeconds: 60)
    let elapsed = start.duration(to: clock.now) / .seconds(1)
    let ticks = try pool.ticks().compactMap { $0 }
    #expect(ticks.count == 3)
    #expect(ticks == ticks.sorted())
    let seconds = try #require(try pool.seconds(from: 0, to: 1))
    #expect(seconds > 0 && seconds <= elapsed)
  }

  @Test func keepsSubmittedStreamsAlive() throws {
    let words = try Arena(device, kind: .readback, byteCount: 256, name: "words")
    words.write([UInt32](repeating: 1, count: 64))
    let timeline = try Timeline(device, name: "dropped")
    func submit() throws {
      let stream = try CommandStream(device, name: "dropped")
      stream.dispatch(
        try device.recurrencePipeline(), groups: Groups(1),
        parameters: RecurrenceParameters(x: words.deviceAddress, count: 64, rounds: 50_000))
      stream.keepAlive(words)
      try stream.end()
      try timeline.submit([stream])
    }
    for _ in 0..<4 { try submit() }
    try timeline.wait(for: 4, timeoutSeconds: 60)
    let expected = recurrence(1, rounds: 200_000)
    #expect(words.read(UInt32.self, count: 64).allSatisfy { $0 == expected })
  }
}
