import Graph

/// How long each update took: from the end of the one before to its own end on the device's clock,
/// which does not depend on when the host came to look; on the host's where there is none.
struct StepClock {
  private var lastEnd: Double?
  private var lastSeen = ContinuousClock.now

  /// Forgets the update before: the time since then went into something else.
  mutating func restart() {
    lastEnd = nil
    lastSeen = .now
  }

  /// Seconds of the update that has just been waited for.
  mutating func seconds(_ times: DeviceTimes?) -> Double {
    let elapsed = ContinuousClock.now - lastSeen
    let start = lastEnd ?? times?.start
    lastSeen = .now
    lastEnd = times?.end
    // A clock that has wrapped around in between says nothing.
    if let start, let times, times.end > start { return times.end - start }
    return elapsed / .seconds(1)
  }
}
