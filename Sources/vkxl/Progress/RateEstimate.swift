/// Seconds per step and images per second from recent steps, undisturbed by single slow ones.
///
/// The mean of the last 50 steps without the fastest and slowest tenth: saving, sampling and
/// a busy machine do not move the time left, a lasting change does within a few steps. The first
/// step of a run, which compiles, says nothing of the others: no time is told by it, and it does not
/// count once there is another.
struct RateEstimate: Sendable {
  private static let window = 50
  private var steps: [(seconds: Double, images: Int)] = []
  private var hasFirst = false

  mutating func add(seconds: Double, images: Int) {
    guard seconds.isFinite, seconds >= 0 else { return }
    if hasFirst, steps.count == 1 {
      steps.removeAll()
      hasFirst = false
    } else if steps.isEmpty {
      hasFirst = true
    }
    steps.append((seconds, images))
    if steps.count > Self.window { steps.removeFirst() }
  }

  private var trimmed: [(seconds: Double, images: Int)] {
    let sorted = steps.sorted { $0.seconds < $1.seconds }
    let cut = sorted.count < 3 ? 0 : max(1, sorted.count / 10)
    return Array(sorted.dropFirst(cut).dropLast(cut))
  }

  /// Nil before the second step.
  var secondsPerStep: Double? {
    let steps = trimmed
    guard !steps.isEmpty, !hasFirst else { return nil }
    return steps.reduce(0) { $0 + $1.seconds } / Double(steps.count)
  }

  /// Nil before the first step, or when steps take no measurable time.
  var imagesPerSecond: Double? {
    let steps = trimmed
    let seconds = steps.reduce(0) { $0 + $1.seconds }
    guard seconds > 0 else { return nil }
    return Double(steps.reduce(0) { $0 + $1.images }) / seconds
  }
}

/// An exponential mean that is right from the first value on; values that are not finite do not
/// enter it.
struct SmoothedValue: Sendable {
  private static let decay = 0.95
  private var sum = 0.0
  private var weight = 0.0

  mutating func add(_ value: Double) {
    guard value.isFinite else { return }
    sum = Self.decay * sum + (1 - Self.decay) * value
    weight = Self.decay * weight + (1 - Self.decay)
  }

  /// Nil before the first value.
  var value: Double? { weight > 0 ? sum / weight : nil }
}
