import Testing

@testable import VKRuntime

@Suite struct SegmentCuttingTests {
  @Test func fillsSegmentsToTheTarget() {
    let costs = [Double](repeating: 0.05, count: 10)
    #expect(
      SegmentCutting.cut(costs, target: 0.15, limit: 0.2) == [0..<3, 3..<6, 6..<10])
  }

  @Test func neverExceedsTheLimitButForASingleLaunch() {
    let costs = [0.14, 0.14, 0.5, 0.01, 0.19, 0.02]
    #expect(
      SegmentCutting.cut(costs, target: 0.15, limit: 0.2) == [0..<1, 1..<2, 2..<3, 3..<5, 5..<6])
  }

  @Test func joinsAShortRest() {
    let costs = [0.15, 0.15, 0.03]
    #expect(SegmentCutting.cut(costs, target: 0.15, limit: 0.2) == [0..<1, 1..<3])
    #expect(SegmentCutting.cut(costs, target: 0.15, limit: 0.16) == [0..<1, 1..<2, 2..<3])
  }

  @Test func limitsTheNumberOfLaunches() {
    let costs = [Double](repeating: 0, count: 7)
    let segments = SegmentCutting.cut(costs, target: .infinity, limit: .infinity, maxCount: 3)
    #expect(segments == [0..<3, 3..<6, 6..<7])
    #expect(SegmentCutting.cut([], target: 1, limit: 1) == [])
  }

  @Test(arguments: 0..<40)
  func coversEveryLaunchOnceWithinTheLimit(seed: Int) {
    var state = UInt64(seed) &* 2_862_933_555_777_941_757 &+ 3_037_000_493
    let costs = (0..<(seed * 5 + 1)).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(state >> 40) / Double(1 << 24) * 0.3
    }
    let segments = SegmentCutting.cut(costs, target: 0.15, limit: 0.2)
    #expect(segments.flatMap { Array($0) } == Array(costs.indices))
    for segment in segments where segment.count > 1 {
      #expect(costs[segment].reduce(0, +) <= 0.2)
    }
    // None is cut without need: with the next launch it would exceed the limit or the target.
    for (segment, next) in zip(segments, segments.dropFirst()) {
      let sum = costs[segment].reduce(0, +)
      #expect(sum >= 0.15 || sum + costs[next.lowerBound] > 0.2)
    }
  }

  @Test func sharesMeasuredTimeByCost() {
    let measured = SegmentCutting.measured(
      [1, 3, 0, 0], segments: [0..<2, 2..<4], seconds: [0.4, 0.1])
    #expect(zip(measured, [0.1, 0.3, 0.05, 0.05]).allSatisfy { abs($0 - $1) < 1e-12 })
  }

  @Test func recordsAnewOnlyForAReason() {
    func decide(_ old: [Range<Int>], _ new: [Range<Int>], _ seconds: [Double]) -> Bool {
      SegmentCutting.isWorthwhile(from: old, to: new, seconds: seconds, limit: 0.2)
    }
    #expect(!decide([0..<4], [0..<4], [0.5]))
    #expect(decide([0..<4], [0..<2, 2..<4], [0.3]))
    #expect(!decide([0..<1, 1..<4], [0..<2, 2..<4], [0.9, 0.15]))
    #expect(decide([0..<2, 2..<4], [0..<4], [0.01, 0.01]))
  }
}

@Suite struct SegmentedProgramTests {
  let device: Device

  init() throws { device = try sharedDevice.get() }

  // Targets far from any real time, so that the outcome does not depend on the machine's load.
  @Test(arguments: [(3600.0, 7200.0, [0..<40]), (1e-12, 1e-12, (0..<40).map { $0..<$0 + 1 })])
  func recutsByMeasuredTime(target: Double, limit: Double, expected: [Range<Int>]) throws {
    let words = try Arena(device, kind: .readback, byteCount: 256, name: "words")
    words.write((0..<64).map { UInt32($0) })
    let pipeline = try device.recurrencePipeline()
    let launches = (0..<40).map { index in
      SegmentLaunch(name: "launch \(index)", cost: Double(index % 3)) { stream in
        stream.dispatch(
          pipeline, groups: Groups(1),
          parameters: RecurrenceParameters(x: words.deviceAddress, count: 64, rounds: 7))
        stream.barrier()
      }
    }
    let program = try SegmentedProgram(
      device, name: "step", launches: launches, targetSeconds: target, limitSeconds: limit)
    #expect(program.segments == [0..<16, 16..<32, 32..<40])
    #expect(program.measuredSeconds == nil)
    let timeline = try Timeline(device, name: "steps")
    // Two replays in flight. Whether the second already knows the first's times is a matter of
    // speed, so it is submitted in 3 segments or in the final ones.
    try program.submit(on: timeline)
    try timeline.wait(for: program.submit(on: timeline), timeoutSeconds: 60)
    try timeline.wait(for: program.submit(on: timeline), timeoutSeconds: 60)
    #expect(program.segments == expected)
    #expect(program.recutCount == 1)
    try program.recutIfWorthwhile()
    #expect(program.recutCount == 1)
    #expect(try #require(program.measuredSeconds) > 0)
    let counts = [3 + 3 + expected.count, 3 + 2 * expected.count]
    #expect(counts.contains(Int(timeline.lastSubmittedValue)))
    #expect(
      words.read(UInt32.self, count: 64) == (0..<64).map { recurrence($0, rounds: 3 * 40 * 7) })
  }

  @Test func runsStreamsBeforeAndAfter() throws {
    let source = try Arena(device, kind: .upload, byteCount: 4, name: "source")
    let words = try Arena(device, kind: .device, byteCount: 256, name: "words")
    let target = try Arena(device, kind: .readback, byteCount: 4, name: "target")
    source.write([UInt32(3)])
    func copy(_ a: Arena, _ b: Arena) throws -> CommandStream {
      let stream = try CommandStream(device, name: "copy")
      stream.copy(from: a, offset: 0, to: b, offset: 0, byteCount: 4)
      try stream.end()
      return stream
    }
    let pipeline = try device.recurrencePipeline()
    let launch = SegmentLaunch(name: "launch", cost: 1) { stream in
      stream.dispatch(
        pipeline, groups: Groups(1),
        parameters: RecurrenceParameters(x: words.deviceAddress, count: 64, rounds: 7))
    }
    let timeline = try Timeline(device, name: "steps")
    for (launches, expected) in [([launch], recurrence(3, rounds: 7)), ([], 3)] {
      let program = try SegmentedProgram(device, name: "program", launches: launches)
      let before = timeline.lastSubmittedValue
      let value = try program.submit(
        on: timeline, before: copy(source, words), after: copy(words, target))
      #expect(value == before + 1)
      try timeline.wait(for: value, timeoutSeconds: 60)
      #expect(target.read(UInt32.self, count: 1) == [expected])
    }
  }

  @Test func runsAnEmptyProgram() throws {
    let program = try SegmentedProgram(device, name: "nothing", launches: [])
    let timeline = try Timeline(device, name: "nothing")
    #expect(try program.submit(on: timeline) == 0)
    #expect(program.measuredSeconds == 0)
  }
}
