import Graph
import VKRuntime

/// What one kernel launch took.
public struct LaunchProfile: Sendable, Equatable {
  /// Index of the operation in the plan's steps; several launches may share it.
  public var step: Int
  /// Name of the operation.
  public var operation: String
  /// Path of the shader below `shaders/`.
  public var shader: String
  /// On the device's clock, from the end of the launch before.
  public var nanoseconds: Double
  /// Of the whole operation; multiply-adds count as two.
  public var operationFlopCount: Int
}

extension VulkanProgram {
  /// Launches between two readings of a clock's slots: few enough for a submission.
  private static let launchesOfSubmission = 64

  /// Runs the program once, each launch between two readings of the device's clock, on its own unless
  /// it may overlap the one before, and waits for it.
  ///
  /// It changes variables as any run does. Its sum is what the launches take one after another: more
  /// than a run in which independent ones overlap.
  /// - Throws: `VulkanError` of kind `unsupported` when the device has no clock.
  public func profile(_ inputs: [String: TensorData]) throws -> [LaunchProfile] {
    let device = store.backend.device
    let block = try fill(inputs)
    try store.timeline.submit([block.fetch])
    let launches = try lowered()
    let size = Self.launchesOfSubmission
    let parts = try stride(from: 0, to: launches.count, by: size).map { start in
      let part = launches[start..<min(start + size, launches.count)]
      let clock = try TimestampPool(device, count: part.count + 1, name: "profile")
      try store.timeline.submit([timed(part, clock)])
      return (launches: part, clock: clock)
    }
    try store.waitIdle()
    return try parts.flatMap { part in
      let ticks = try part.clock.ticks()
      return zip(part.launches, zip(ticks, ticks.dropFirst())).map { launch, ends in
        let seconds = part.clock.seconds(from: ends.0 ?? 0, to: ends.1 ?? 0)
        return LaunchProfile(
          step: launch.step, operation: plan.steps[launch.step].operation.name,
          shader: launch.launch.shader.path, nanoseconds: seconds * 1e9,
          operationFlopCount: launch.operationFlopCount)
      }
    }
  }

  private func timed(
    _ launches: ArraySlice<LoweredLaunch>, _ clock: TimestampPool
  ) throws -> CommandStream {
    let stream = try CommandStream(store.backend.device, name: "profile")
    stream.reset(clock)
    stream.writeTimestamp(into: clock, slot: 0)
    for (index, launch) in launches.enumerated() {
      // Launches that may overlap do so here too: the second takes what the first leaves to it.
      if launch.launch.waits { stream.barrier() }
      launch.dispatch(on: stream)
      stream.writeTimestamp(into: clock, slot: index + 1)
    }
    try stream.end()
    return stream
  }
}
