import CVulkan

/// Numbers of workgroups of a dispatch.
public struct Groups: Hashable, Sendable {
  /// Groups along x.
  public var x: Int
  /// Groups along y.
  public var y: Int
  /// Groups along z.
  public var z: Int

  /// Workgroups of a dimension that every device allows.
  public static let portableLimit = 65_535

  public init(_ x: Int, _ y: Int = 1, _ z: Int = 1) {
    self.x = x
    self.y = y
    self.z = z
  }

  /// At least `count` workgroups in rows of at most 65,535.
  ///
  /// The kernel computes its linear number as `gl_WorkGroupID.y * gl_NumWorkGroups.x +
  /// gl_WorkGroupID.x` and returns at once when that is `count` or more: less than one number per
  /// row is surplus. The same on every device. Traps above 65,535 * 65,535.
  public static func folded(_ count: Int) -> Groups {
    precondition(count > 0, "a dispatch of \(count) workgroups")
    let rows = (count + portableLimit - 1) / portableLimit
    precondition(rows <= portableLimit, "a dispatch of \(count) workgroups")
    return Groups((count + rows - 1) / rows, rows)
  }
}

/// Commands recorded once and submitted many times, through `Timeline.submit`.
///
/// A stream begins and ends with a barrier: streams submitted one after another see each other's
/// writes, and the host sees them once the timeline's value is reached. Between dependent commands
/// inside a stream the caller puts `barrier()`. Not `Sendable`: one thread records it.
public final class CommandStream {
  /// What errors call it.
  public let name: String
  /// The device it is recorded for.
  public let device: Device
  /// The recorded commands, which submissions keep alive.
  let recording: Recording
  /// Commands recorded so far: dispatches, copies, writes and fills.
  public private(set) var commandCount = 0
  /// Whether recording is over.
  public private(set) var isEnded = false
  private var boundPipeline: VkPipeline?
  private var order = StageOrder()

  public init(_ device: Device, name: String) throws {
    self.device = device
    self.name = name
    recording = try Recording(device, name: name)
    let work = Stages.all
    recording.barrier(from: work.flags, work.writes, to: work.flags, work.accesses)
  }

  private var commands: VkCommandBuffer {
    precondition(!isEnded, "stream \(name) is ended")
    return recording.commands
  }

  /// Runs `pipeline` with a struct of launch parameters, whose size must be the pipeline's.
  public func dispatch<Parameters: BitwiseCopyable>(
    _ pipeline: Pipeline, groups: Groups, parameters: Parameters
  ) {
    withUnsafeBytes(of: parameters) { dispatch(pipeline, groups: groups, parameterBytes: $0) }
  }

  /// Runs `pipeline` with launch parameters as bytes.
  ///
  /// Traps when a number of groups is below 1 or above the device's limit (fold it with
  /// `Groups.folded`), or when the parameters have another size than the pipeline's.
  public func dispatch(
    _ pipeline: Pipeline, groups: Groups, parameterBytes: UnsafeRawBufferPointer
  ) {
    requireDispatchable(groups, by: pipeline)
    precondition(
      parameterBytes.count == pipeline.parameterByteCount,
      "\(pipeline.name) takes \(pipeline.parameterByteCount) bytes of parameters, "
        + "got \(parameterBytes.count)")
    if boundPipeline != pipeline.handle {
      vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.handle)
      boundPipeline = pipeline.handle
      recording.keep(pipeline)
    }
    if let bytes = parameterBytes.baseAddress, !parameterBytes.isEmpty {
      vkCmdPushConstants(
        commands, pipeline.layout, VK_SHADER_STAGE_COMPUTE_BIT.rawValue, 0,
        UInt32(parameterBytes.count), bytes)
    }
    synchronize(.compute)
    vkCmdDispatch(commands, UInt32(groups.x), UInt32(groups.y), UInt32(groups.z))
    commandCount += 1
  }

  /// Everything after it waits for, and sees the writes of, everything before it.
  public func barrier() { order.barrier() }

  /// The barrier before a command that is still due.
  private func synchronize(_ stage: Stages) {
    guard let sources = order.sources(before: stage) else { return }
    recording.barrier(from: sources.flags, sources.writes, to: stage.flags, stage.accesses)
  }

  /// Copies bytes between arenas, which must not overlap.
  public func copy(
    from source: Arena, offset sourceOffset: UInt64, to target: Arena,
    offset targetOffset: UInt64, byteCount: UInt64
  ) {
    source.requireRange(sourceOffset, byteCount)
    target.requireRange(targetOffset, byteCount)
    if byteCount == 0 { return }
    var region = VkBufferCopy(srcOffset: sourceOffset, dstOffset: targetOffset, size: byteCount)
    synchronize(.transfer)
    vkCmdCopyBuffer(commands, source.buffer, target.buffer, 1, &region)
    recording.keep(source)
    recording.keep(target)
    commandCount += 1
  }

  /// Writes bytes that are part of the recording; offset and count are multiples of 4. For tables of a
  /// few KiB: the stream holds a copy.
  public func write(_ bytes: UnsafeRawBufferPointer, to target: Arena, offset: UInt64) {
    precondition(
      offset % 4 == 0 && bytes.count % 4 == 0,
      "write of \(bytes.count) bytes at \(offset) of \(target.name): not multiples of 4")
    target.requireRange(offset, UInt64(bytes.count))
    synchronize(.transfer)
    // Vulkan's limit for one command.
    for start in stride(from: 0, to: bytes.count, by: 65_536) {
      let part = UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + 65_536, bytes.count)])
      vkCmdUpdateBuffer(
        commands, target.buffer, offset + UInt64(start), VkDeviceSize(part.count),
        part.baseAddress)
    }
    recording.keep(target)
    commandCount += 1
  }

  /// Fills bytes with a repeated 32-bit word; offset and count are multiples of 4.
  public func fill(
    _ target: Arena, offset: UInt64 = 0, byteCount: UInt64, word: UInt32 = 0
  ) {
    precondition(
      offset % 4 == 0 && byteCount % 4 == 0,
      "fill of \(byteCount) bytes at \(offset) of \(target.name): not multiples of 4")
    target.requireRange(offset, byteCount)
    if byteCount == 0 { return }
    synchronize(.transfer)
    vkCmdFillBuffer(commands, target.buffer, offset, byteCount, word)
    recording.keep(target)
    commandCount += 1
  }

  /// Makes slots of a pool (all by default) writable again; goes before `writeTimestamp` into them.
  public func reset(_ pool: TimestampPool, slots: Range<Int>? = nil) {
    let slots = slots ?? 0..<pool.count
    precondition(slots.upperBound <= pool.count, "slots \(slots) of \(pool.count) timestamps")
    vkCmdResetQueryPool(commands, pool.handle, UInt32(slots.lowerBound), UInt32(slots.count))
    recording.keep(pool)
  }

  /// Writes the time at which everything before it has finished.
  public func writeTimestamp(into pool: TimestampPool, slot: Int) {
    precondition((0..<pool.count).contains(slot), "slot \(slot) of \(pool.count) timestamps")
    vkCmdWriteTimestamp2(
      commands, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT, pool.handle, UInt32(slot))
    recording.keep(pool)
  }

  /// Copies slots to an arena as 64-bit ticks, after they have been written; the host then reads
  /// the clock without asking the driver, which on lavapipe waits for everything submitted.
  public func copyTimestamps(
    from pool: TimestampPool, slots: Range<Int>, to target: Arena, offset: UInt64
  ) {
    precondition(slots.upperBound <= pool.count, "slots \(slots) of \(pool.count) timestamps")
    precondition(offset % 8 == 0, "timestamps at byte \(offset) of \(target.name)")
    target.requireRange(offset, UInt64(slots.count * 8))
    synchronize(.transfer)
    vkCmdCopyQueryPoolResults(
      commands, pool.handle, UInt32(slots.lowerBound), UInt32(slots.count), target.buffer, offset,
      8, VK_QUERY_RESULT_64_BIT.rawValue | VK_QUERY_RESULT_WAIT_BIT.rawValue)
    recording.keep(pool)
    recording.keep(target)
    commandCount += 1
  }

  /// Keeps an object alive as long as the stream or a submission of it.
  public func keepAlive(_ object: any AnyObject & Sendable) {
    recording.keep(object)
  }

  /// Ends the recording; the stream can be submitted from now on.
  ///
  /// - Throws: `VulkanError` when the driver could not record it.
  public func end() throws {
    let work = Stages.all
    recording.barrier(
      from: work.flags, work.writes, to: VK_PIPELINE_STAGE_2_HOST_BIT,
      VK_ACCESS_2_HOST_READ_BIT | VK_ACCESS_2_HOST_WRITE_BIT)
    try check(vkEndCommandBuffer(commands), "vkEndCommandBuffer", object: name)
    isEnded = true
  }

  private func requireDispatchable(_ groups: Groups, by pipeline: Pipeline) {
    let limits = device.limits.maxGroupCounts
    for (dimension, count) in [groups.x, groups.y, groups.z].enumerated() {
      precondition(
        count > 0 && count <= limits[dimension],
        "\(pipeline.name): \(count) workgroups in dimension \(dimension), "
          + "allowed 1 to \(limits[dimension]); fold them with Groups.folded")
    }
  }
}
