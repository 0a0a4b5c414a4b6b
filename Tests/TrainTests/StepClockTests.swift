import Graph
import Model
import Testing

@testable import Train

/// Seconds of updates on the device's clock.
@Suite struct StepClockTests {
  @Test func measuresFromEndToEnd() {
    var clock = StepClock()
    #expect(clock.seconds(DeviceTimes(start: 10, end: 12)) == 2)
    // A gap between two updates counts: the device had nothing to do.
    #expect(clock.seconds(DeviceTimes(start: 15, end: 16)) == 4)
    clock.restart()
    #expect(clock.seconds(DeviceTimes(start: 20, end: 21)) == 1)
  }

  @Test func fallsBackToTheHost() {
    var clock = StepClock()
    _ = clock.seconds(DeviceTimes(start: 10, end: 12))
    // The clock has wrapped around; then there is none.
    #expect((0..<1).contains(clock.seconds(DeviceTimes(start: 1, end: 2))))
    #expect((0..<1).contains(clock.seconds(nil)))
    #expect(clock.seconds(DeviceTimes(start: 5, end: 6)) == 1)
  }

  @Test func updatesOfATrainerFollowOneAnother() throws {
    let shape = Tiny.shape(samples: 1, height: 4, width: 8)
    let trainer = try Tiny.trainer(SharedBackend.vulkan, Tiny.settings(), shape, accumulation: 2)
    let batches = (0..<2).map { Tiny.batch(shape, seed: UInt64($0)) }
    _ = try trainer.step(batches).wait()
    let clock = ContinuousClock()
    let start = clock.now
    let runs = try (0..<2).map { _ in try trainer.step(batches) }
    #expect(runs[0].deviceTimes == nil)
    for run in runs { _ = try run.wait() }
    let elapsed = (clock.now - start) / .seconds(1)
    let times = runs.compactMap(\.deviceTimes)
    #expect(times.count == 2)
    #expect(times[0].start < times[0].end && times[0].end <= times[1].start)
    #expect(times[1].end - times[0].start <= elapsed)
  }
}
