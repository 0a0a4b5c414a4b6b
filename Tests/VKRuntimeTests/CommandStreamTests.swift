import Testing
import VKRuntime

@Suite struct CommandStreamTests {
  let device: Device

  init() throws { device = try sharedDevice.get() }

  // The last needs more workgroups than a dimension allows, so they are folded.
  @Test(arguments: [(1, 64), (63, 64), (64, 64), (1000, 8), (131_099, 1)])
  func addsVectorsThroughAddresses(count: Int, groupSize: Int) throws {
    let byteCount = UInt64(4 * count)
    let inputs = try Arena(device, kind: .upload, byteCount: 2 * byteCount, name: "inputs")
    let output = try Arena(device, kind: .readback, byteCount: byteCount, name: "output")
    let a = (0..<count).map { Float($0 % 1000) }
    let b = (0..<count).map { Float($0 % 77) - 5 }
    inputs.write(a)
    inputs.write(b, at: byteCount)
    let pipeline = try device.vectorAddPipeline(scale: 3, groupSize: UInt32(groupSize))
    let stream = try CommandStream(device, name: "add")
    let parameters = VectorAddParameters(
      a: inputs.deviceAddress, b: inputs.deviceAddress + byteCount, c: output.deviceAddress,
      count: UInt32(count))
    stream.dispatch(
      pipeline, groups: .folded((count + groupSize - 1) / groupSize), parameters: parameters)
    try stream.end()
    let timeline = try Timeline(device, name: "add")
    try timeline.wait(for: timeline.submit([stream]), timeoutSeconds: 60)
    let sums = output.read(Float.self, count: count)
    #expect(sums == zip(a, b).map { 3 * $0 + $1 })
  }

  @Test func replaysARecordedStream() throws {
    let words = try Arena(device, kind: .readback, byteCount: 256, name: "words")
    words.write((0..<64).map { UInt32($0) })
    let stream = try recurrenceStream(words, rounds: 5)
    let timeline = try Timeline(device, name: "replay")
    for _ in 0..<3 { try timeline.submit([stream]) }
    try timeline.wait(for: 3, timeoutSeconds: 60)
    #expect(words.read(UInt32.self, count: 64) == (0..<64).map { recurrence($0, rounds: 15) })
  }

  @Test func keepsTwoStreamsInFlightInOrder() throws {
    let words = try Arena(device, kind: .readback, byteCount: 256, name: "words")
    words.write([UInt32](repeating: 9, count: 64))
    let first = try recurrenceStream(words, rounds: 60_000)
    let second = try recurrenceStream(words, rounds: 3)
    let timeline = try Timeline(device, name: "two")
    let values = [try timeline.submit([first]), try timeline.submit([second])]
    #expect(values == [1, 2])
    try timeline.wait(for: values[1], timeoutSeconds: 60)
    #expect(try timeline.completedValue == 2)
    let expected = recurrence(9, rounds: 60_003)
    #expect(words.read(UInt32.self, count: 64).allSatisfy { $0 == expected })
  }

  @Test func copiesAndFillsBetweenBarriers() throws {
    let upload = try Arena(device, kind: .upload, byteCount: 64, name: "upload")
    let middle = try Arena(device, kind: .device, byteCount: 128, name: "middle")
    let readback = try Arena(device, kind: .readback, byteCount: 128, name: "readback")
    upload.write((0..<16).map { UInt32($0) })
    let stream = try CommandStream(device, name: "copy")
    stream.fill(middle, byteCount: 128, word: 0xABCD_EF01)
    stream.barrier()
    stream.copy(from: upload, offset: 16, to: middle, offset: 32, byteCount: 48)
    stream.barrier()
    stream.copy(from: middle, offset: 0, to: readback, offset: 0, byteCount: 128)
    try stream.end()
    #expect(stream.commandCount == 3)
    let timeline = try Timeline(device, name: "copy")
    try timeline.wait(for: timeline.submit([stream]), timeoutSeconds: 60)
    let fill = UInt32(0xABCD_EF01)
    let expected =
      [UInt32](repeating: fill, count: 8) + (4..<16).map { UInt32($0) }
      + [UInt32](repeating: fill, count: 12)
    #expect(readback.read(UInt32.self, count: 32) == expected)
  }

  @Test(arguments: [(1, 1, 1), (65_535, 65_535, 1), (65_536, 32_768, 2), (1_000_003, 62_501, 16)])
  func foldsGroups(count: Int, x: Int, y: Int) {
    let groups = Groups.folded(count)
    #expect(groups == Groups(x, y))
    #expect(groups.x * groups.y >= count && groups.x * groups.y - count < groups.y)
  }

  private func recurrenceStream(_ words: Arena, rounds: UInt32) throws -> CommandStream {
    let stream = try CommandStream(device, name: "recurrence")
    stream.dispatch(
      try device.recurrencePipeline(), groups: Groups(1),
      parameters: RecurrenceParameters(x: words.deviceAddress, count: 64, rounds: rounds))
    try stream.end()
    return stream
  }
}
