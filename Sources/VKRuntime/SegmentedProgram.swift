import CVulkan

/// One step of a `SegmentedProgram`: commands that must be submitted together.
public struct SegmentLaunch {
  /// What it is, for reports.
  public var name: String
  /// How much work it is beside the others, in any unit, e.g. floating point operations; only the
  /// ratios matter, and only inside a segment that has been measured as a whole.
  public var cost: Double
  /// Records its commands, the barrier before it or after it included. Called again at each cut.
  public var record: (CommandStream) -> Void

  public init(name: String, cost: Double, record: @escaping (CommandStream) -> Void) {
    self.name = name
    self.cost = cost
    self.record = record
  }
}

/// A list of launches recorded once, submitted many times, and cut into submissions of 100 to
/// 200 ms by what the device measured.
///
/// The first replay is submitted in small pieces. When all pieces of some replay have been timed,
/// a later `submit` cuts anew, without waiting for the device. (lavapipe waits inside
/// `vkGetQueryPoolResults`, which is one more reason to look seldom: before submissions 2, 3, 4
/// and then 8, 16, 32, ...) Cutting changes neither the order of the launches nor their results.
/// Not `Sendable`.
public final class SegmentedProgram {
  /// What errors call it.
  public let name: String
  /// Seconds that a segment aims at, and the most that one of several launches may take.
  public let targetSeconds: Double
  /// What a submission should take at most, seconds.
  public let limitSeconds: Double
  /// The segments, as ranges of launches.
  public private(set) var segments: [Range<Int>] = []
  /// The latest measured time of each segment, in seconds; nil before it has been seen.
  public private(set) var segmentSeconds: [Double?] = []
  /// How often the program was cut anew.
  public private(set) var recutCount = 0

  private let device: Device
  private let launches: [SegmentLaunch]
  private var costs: [Double]
  private var streams: [CommandStream] = []
  private var submissionCount = 0
  /// Two slots a segment; nil when the device has no clock, and then the first cut stays.
  private var timestamps: TimestampPool?

  /// Launches of a segment before anything is measured.
  private static let firstLaunchCount = 16
  /// Beyond this the timings are noise and the cut stays.
  private static let maxRecutCount = 8

  /// Records the launches in small segments.
  ///
  /// - Throws: `VulkanError` when they cannot be recorded.
  public init(
    _ device: Device, name: String, launches: [SegmentLaunch], targetSeconds: Double = 0.15,
    limitSeconds: Double = 0.2
  ) throws {
    self.device = device
    self.name = name
    self.launches = launches
    self.targetSeconds = targetSeconds
    self.limitSeconds = limitSeconds
    costs = launches.map { max($0.cost, 0) }
    let first = SegmentCutting.cut(
      costs, target: .infinity, limit: .infinity, maxCount: Self.firstLaunchCount)
    try record(first)
  }

  /// Number of launches in a run.
  public var launchCount: Int { launches.count }

  /// Seconds of one replay by the latest measurements; nil until every segment has been seen.
  public var measuredSeconds: Double? {
    let known = segmentSeconds.compactMap { $0 }
    return known.count == segments.count ? known.reduce(0, +) : nil
  }

  /// Submits all launches in order, one submission a segment, without waiting for the device.
  ///
  /// - Parameters:
  ///   - before: runs first, in the first submission; ended.
  ///   - after: runs last, in the last submission; ended.
  /// - Returns: the timeline's value after the last.
  @discardableResult
  public func submit(
    on timeline: Timeline, before: CommandStream? = nil, after: CommandStream? = nil
  ) throws -> UInt64 {
    if isLookDue { try recutIfWorthwhile() }
    submissionCount += 1
    var submissions = streams.map { [$0] }
    if submissions.isEmpty { submissions = [[]] }
    if let before { submissions[0].insert(before, at: 0) }
    if let after { submissions[submissions.count - 1].append(after) }
    var value = timeline.lastSubmittedValue
    for submission in submissions where !submission.isEmpty {
      value = try timeline.submit(submission)
    }
    return value
  }

  /// Reads what has been timed since, and cuts anew if that is worth it. `submit` does this.
  public func recutIfWorthwhile() throws {
    try readTimestamps()
    let seconds = segmentSeconds.compactMap { $0 }
    guard recutCount < Self.maxRecutCount, seconds.count == segments.count else { return }
    let measured = SegmentCutting.measured(costs, segments: segments, seconds: seconds)
    let new = SegmentCutting.cut(measured, target: targetSeconds, limit: limitSeconds)
    guard
      SegmentCutting.isWorthwhile(
        from: segments, to: new, seconds: seconds, limit: limitSeconds)
    else { return }
    costs = measured
    recutCount += 1
    try record(new)
  }

  private var isLookDue: Bool {
    let next = submissionCount + 1
    return (2...4).contains(next) || (next > 4 && next & (next - 1) == 0)
  }

  private func record(_ ranges: [Range<Int>]) throws {
    let pool =
      device.hasClock && !ranges.isEmpty
      ? try TimestampPool(device, count: 2 * ranges.count, name: "\(name) timestamps") : nil
    streams = try ranges.enumerated().map { index, range in
      let stream = try CommandStream(device, name: label(of: range))
      if let pool {
        stream.reset(pool, slots: 2 * index..<2 * index + 2)
        stream.writeTimestamp(into: pool, slot: 2 * index)
      }
      for launch in launches[range] { launch.record(stream) }
      if let pool { stream.writeTimestamp(into: pool, slot: 2 * index + 1) }
      try stream.end()
      return stream
    }
    segments = ranges
    segmentSeconds = Array(repeating: nil, count: ranges.count)
    timestamps = pool
  }

  /// Names a segment in reports, e.g. of a lost device.
  private func label(of range: Range<Int>) -> String {
    let first = launches[range.lowerBound].name
    let last = launches[range.upperBound - 1].name
    return "\(name) \(range.lowerBound)..<\(range.upperBound) (\(first) to \(last))"
  }

  private func readTimestamps() throws {
    guard let timestamps else { return }
    let ticks = try timestamps.ticks()
    for index in segments.indices {
      // A replay that is running may have reset either slot; the earlier reading stays then.
      if let start = ticks[2 * index], let end = ticks[2 * index + 1], end >= start {
        segmentSeconds[index] = timestamps.seconds(from: start, to: end)
      }
    }
  }
}
