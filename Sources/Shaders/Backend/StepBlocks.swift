import Graph
import VKRuntime

/// The way of inputs to kernels and of outputs to the host, shared by the programs of a store.
///
/// Programs are recorded once: they read their inputs and leave their outputs at one place on the
/// device. Each run in flight has a block on the host; the device copies a block's inputs to that
/// place before the run and its outputs to the block after it.
final class StepBlocks {
  /// Where kernels read inputs, and where programs leave outputs.
  let inputs: Arena
  let outputs: Arena
  let demand: StoreDemand
  private let blocks: [StepBlock]
  private var runCount = 0

  /// Bytes of all blocks and of the places on the device.
  static func byteCount(_ demand: StoreDemand) -> Int {
    (demand.inputByteCount + demand.outputByteCount) * (demand.runsInFlight + 1)
      + StepBlock.timesByteCount * demand.runsInFlight
  }

  init(_ device: Device, _ demand: StoreDemand, limits: PlanningLimits) throws {
    self.demand = demand
    let (inputBytes, outputBytes) = (demand.inputByteCount, demand.outputByteCount)
    inputs = try Arena(device, kind: .device, byteCount: UInt64(inputBytes), name: "inputs")
    outputs = try Arena(device, kind: .device, byteCount: UInt64(outputBytes), name: "outputs")
    let count = demand.runsInFlight
    let uploads = try HostPlaces(device, .upload, inputBytes, count: count, limits: limits)
    let readbacks = try HostPlaces(
      device, .readback, outputBytes + StepBlock.timesByteCount, count: count, limits: limits)
    blocks = try (0..<count).map { [inputs, outputs] index in
      try StepBlock(
        device, index: index, from: uploads[index], to: inputs, outputs: outputs,
        readback: readbacks[index])
    }
  }

  /// The block of the next run, free to be filled: waits when as many runs as there are blocks are
  /// in flight.
  func next() throws -> StepBlock {
    let block = blocks[runCount % blocks.count]
    runCount += 1
    try block.finish()
    return block
  }

  /// Waits for all runs and keeps their outputs.
  func finish() throws {
    for block in blocks { try block.finish() }
  }
}

/// Host memory of one run in flight, and the commands that copy it.
final class StepBlock {
  /// Copies the inputs to where kernels read them.
  let fetch: CommandStream
  /// Copies the outputs to the host.
  let deliver: CommandStream
  private let upload: HostPlace
  private let readback: HostPlace
  /// Start and end of a run; nil when the device has no clock.
  private let times: TimestampPool?
  private let timesOffset: UInt64
  private var pending: VulkanRun?

  /// Bytes behind the outputs for the ticks at the start and at the end.
  static let timesByteCount = 256

  fileprivate init(
    _ device: Device, index: Int, from upload: HostPlace, to inputs: Arena, outputs: Arena,
    readback: HostPlace
  ) throws {
    (self.upload, self.readback) = (upload, readback)
    let name = "step block \(index)"
    let times = device.hasClock ? try TimestampPool(device, count: 2, name: name) : nil
    self.times = times
    timesOffset = readback.offset + outputs.byteCount
    fetch = try CommandStream(device, name: "inputs of \(name)")
    if let times {
      fetch.reset(times)
      fetch.writeTimestamp(into: times, slot: 0)
    }
    fetch.copy(
      from: upload.arena, offset: upload.offset, to: inputs, offset: 0,
      byteCount: inputs.byteCount)
    try fetch.end()
    deliver = try CommandStream(device, name: "outputs of \(name)")
    deliver.copy(
      from: outputs, offset: 0, to: readback.arena, offset: readback.offset,
      byteCount: outputs.byteCount)
    if let times {
      deliver.writeTimestamp(into: times, slot: 1)
      deliver.copyTimestamps(
        from: times, slots: 0..<2, to: readback.arena, offset: timesOffset)
    }
    try deliver.end()
  }

  func write(_ data: TensorData, at offset: Int) {
    data.bytes.withUnsafeBytes { upload.arena.write($0, at: upload.offset + UInt64(offset)) }
  }

  /// The block's run, whose outputs lie at these offsets once the timeline has reached the value.
  func run(
    _ outputs: [(name: String, type: TensorType, offset: Int)], on timeline: Timeline,
    value: UInt64
  ) -> VulkanRun {
    let run = VulkanRun(timeline: timeline, value: value) { [readback, times, timesOffset] in
      let outputs = outputs.map { output in
        let bytes = readback.arena.read(
          UInt8.self, count: output.type.byteCount, at: readback.offset + UInt64(output.offset))
        return (output.name, TensorData(output.type, bytes: bytes))
      }
      let deviceTimes = times.map { times in
        let ticks = readback.arena.read(UInt64.self, count: 2, at: timesOffset)
        return DeviceTimes(start: times.seconds(at: ticks[0]), end: times.seconds(at: ticks[1]))
      }
      return (Dictionary(uniqueKeysWithValues: outputs), deviceTimes)
    }
    pending = run
    return run
  }

  /// Waits for the block's run, if any, and keeps its outputs before the block is used again.
  func finish() throws {
    if let pending { _ = try pending.wait() }
    pending = nil
  }
}

/// A run in flight on a Vulkan device.
final class VulkanRun: PendingRun {
  private let timeline: Timeline
  private let value: UInt64
  /// Nil once it has been called, so that it keeps no memory.
  private var collect: Collect?
  private var outputs: [String: TensorData]?
  private(set) var deviceTimes: DeviceTimes?

  typealias Collect = () -> (outputs: [String: TensorData], times: DeviceTimes?)

  init(timeline: Timeline, value: UInt64, collect: @escaping Collect) {
    self.timeline = timeline
    self.value = value
    self.collect = collect
  }

  func wait() throws -> [String: TensorData] {
    if let outputs { return outputs }
    try timeline.wait(for: value)
    guard let collected = collect?() else { preconditionFailure("a run is collected twice") }
    collect = nil
    (outputs, deviceTimes) = collected
    return collected.outputs
  }
}

/// A stretch of memory that the host reaches.
private struct HostPlace {
  let arena: Arena
  let offset: UInt64
}

/// Equal places, as many in an arena as fit.
private struct HostPlaces {
  private let arenas: [Arena]
  private let byteCount: Int
  private let perArena: Int

  init(
    _ device: Device, _ kind: ArenaKind, _ byteCount: Int, count: Int, limits: PlanningLimits
  ) throws {
    self.byteCount = byteCount
    let perArena = max(limits.arenaByteCount / byteCount, 1)
    self.perArena = perArena
    arenas = try stride(from: 0, to: count, by: perArena).map { first in
      try Arena(
        device, kind: kind, byteCount: UInt64(min(perArena, count - first) * byteCount),
        name: "step blocks (\(kind.rawValue))")
    }
  }

  subscript(index: Int) -> HostPlace {
    HostPlace(
      arena: arenas[index / perArena], offset: UInt64(index % perArena * byteCount))
  }
}
