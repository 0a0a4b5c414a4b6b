/// How a long list of launches is cut into submissions.
///
/// Desktop watchdogs kill a submission after about 2 s, and each submission costs some 10 to 50
/// microseconds, so each should take 100 to 200 ms. Costs may be in any unit until the device has
/// been measured; then they are seconds.
enum SegmentCutting {
  /// Cuts launches in order so that each segment costs about `target` and, unless it is a single
  /// launch, at most `limit`.
  ///
  /// - Parameters:
  ///   - costs: of each launch, not negative.
  ///   - maxCount: launches of a segment at most.
  /// - Returns: adjoining ranges, none empty, that cover all launches.
  static func cut(
    _ costs: [Double], target: Double, limit: Double, maxCount: Int = .max
  ) -> [Range<Int>] {
    var segments: [Range<Int>] = []
    var start = 0
    var sum = 0.0
    for index in costs.indices {
      let isFull = sum >= target || sum + costs[index] > limit || index - start >= maxCount
      if index > start && isFull {
        segments.append(start..<index)
        start = index
        sum = 0
      }
      sum += costs[index]
    }
    if start < costs.count { segments.append(start..<costs.count) }
    return mergingLast(segments, costs, limit: limit, maxCount: maxCount)
  }

  /// Costs in seconds: each segment's measured time, shared among its launches as their costs are
  /// (evenly where those are all zero).
  static func measured(
    _ costs: [Double], segments: [Range<Int>], seconds: [Double]
  ) -> [Double] {
    var result = costs
    for (segment, time) in zip(segments, seconds) {
      let sum = costs[segment].reduce(0, +)
      for index in segment {
        let share = sum > 0 ? costs[index] / sum : 1 / Double(segment.count)
        result[index] = share * time
      }
    }
    return result
  }

  /// Whether `new` is worth recording: a segment of several launches took longer than `limit`, or
  /// a tenth of the submissions can be saved.
  static func isWorthwhile(
    from old: [Range<Int>], to new: [Range<Int>], seconds: [Double], limit: Double
  ) -> Bool {
    if old == new { return false }
    let isOverLimit = zip(old, seconds).contains { $0.count > 1 && $1 > limit }
    return isOverLimit || Double(new.count) <= 0.9 * Double(old.count)
  }

  /// Joins a short last segment to the one before it when both fit the limit.
  private static func mergingLast(
    _ segments: [Range<Int>], _ costs: [Double], limit: Double, maxCount: Int
  ) -> [Range<Int>] {
    guard segments.count > 1 else { return segments }
    let joined = segments[segments.count - 2].lowerBound..<segments[segments.count - 1].upperBound
    guard joined.count <= maxCount, costs[joined].reduce(0, +) <= limit else { return segments }
    return segments.dropLast(2) + [joined]
  }
}
