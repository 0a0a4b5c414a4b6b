import CVulkan
import Synchronization

/// A value of a timeline that work on another timeline can wait for.
public struct TimelinePoint: Sendable {
  /// The timeline that is waited for or signalled.
  public var timeline: Timeline
  /// The value it reaches.
  public var value: UInt64

  public init(_ timeline: Timeline, _ value: UInt64) {
    self.timeline = timeline
    self.value = value
  }
}

/// A counter that the device raises as submissions finish (a timeline semaphore).
///
/// Values are 1, 2, 3, ... in the order of submission. What a submission uses is kept alive until
/// its value is reached.
public final class Timeline: Sendable {
  /// What errors call it.
  public let name: String
  let device: Device
  nonisolated(unsafe) let handle: VkSemaphore
  private let state = Mutex(State())

  private struct State {
    var lastSubmitted: UInt64 = 0
    var waitCount = 0
    var running: [(value: UInt64, recordings: [Recording])] = []
  }

  public init(_ device: Device, name: String) throws {
    self.device = device
    self.name = name
    var type = VkSemaphoreTypeCreateInfo()
    type.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO
    type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE
    var semaphore: VkSemaphore?
    let result = withUnsafePointer(to: type) { type in
      var info = VkSemaphoreCreateInfo()
      info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO
      info.pNext = UnsafeRawPointer(type)
      return vkCreateSemaphore(device.handle, &info, nil, &semaphore)
    }
    try check(result, "vkCreateSemaphore", object: name)
    handle = try created(semaphore, "vkCreateSemaphore", object: name)
    device.setName(name, of: handle, type: VK_OBJECT_TYPE_SEMAPHORE)
  }

  deinit {
    // The device may still signal the semaphore or run the streams; a lost device needs no wait.
    let last = state.withLock { $0.lastSubmitted }
    if last > 0 { _ = wait(for: last, nanoseconds: UInt64.max) }
    vkDestroySemaphore(device.handle, handle, nil)
  }

  /// The value of the latest submission; 0 before the first.
  public var lastSubmittedValue: UInt64 { state.withLock { $0.lastSubmitted } }

  /// How often the host has asked to wait, whether or not it then had to: for tests of what must
  /// not.
  var waitCount: Int { state.withLock { $0.waitCount } }

  /// The value the device has reached.
  ///
  /// - Throws: `VulkanError`, e.g. when the device is lost.
  public var completedValue: UInt64 {
    get throws {
      var value: UInt64 = 0
      let result = vkGetSemaphoreCounterValue(device.handle, handle, &value)
      if result != VK_SUCCESS {
        throw device.failure(result, call: "vkGetSemaphoreCounterValue", object: name)
      }
      return value
    }
  }

  /// Submits ended streams, to run in order, as one submission.
  ///
  /// - Parameters:
  ///   - waiting: points that must be reached first, of this or other timelines.
  ///   - label: what it is, for the report of a lost device; the streams' names by default.
  /// - Returns: the value this timeline reaches when they have finished.
  /// - Throws: `VulkanError`, e.g. when the device is lost.
  @discardableResult
  public func submit(
    _ streams: [CommandStream], waiting: [TimelinePoint] = [], label: String? = nil
  ) throws -> UInt64 {
    for stream in streams {
      precondition(stream.isEnded, "stream \(stream.name) is submitted before its end")
    }
    let label = label ?? streams.map(\.name).joined(separator: ", ")
    let recordings = streams.map(\.recording)
    let completed = try completedValue
    // The queue's lock is outermost, so that values rise in the order of submission.
    let outcome: (result: VkResult, value: UInt64) = device.queueState.withLock { queueState in
      state.withLock { state in
        state.running.removeAll { $0.value <= completed }
        let value = state.lastSubmitted + 1
        let result = queueSubmit(recordings, waiting: waiting, signalling: value)
        if result == VK_SUCCESS {
          state.lastSubmitted = value
          state.running.append((value, recordings))
          queueState.lastSubmission = "\(label) (value \(value) of \(name))"
        }
        return (result, value)
      }
    }
    if outcome.result != VK_SUCCESS {
      throw device.failure(outcome.result, call: "vkQueueSubmit2", object: label)
    }
    return outcome.value
  }

  /// Waits until the device reaches `value`.
  ///
  /// - Throws: `VulkanError` of kind `timeout` after `timeoutSeconds`, or `deviceLost`.
  public func wait(for value: UInt64, timeoutSeconds: Double = 600) throws {
    state.withLock { $0.waitCount += 1 }
    let nanoseconds = min(max(timeoutSeconds, 0) * 1e9, 9e18)
    let result = wait(for: value, nanoseconds: UInt64(nanoseconds))
    if result == VK_TIMEOUT {
      throw VulkanError(
        result, call: "vkWaitSemaphores", object: name,
        detail: "value \(value) not reached in \(timeoutSeconds) s; reached "
          + "\(try completedValue) of \(lastSubmittedValue) submitted")
    }
    if result != VK_SUCCESS {
      throw device.failure(result, call: "vkWaitSemaphores", object: name)
    }
    state.withLock { state in state.running.removeAll { $0.value <= value } }
  }

  private func wait(for value: UInt64, nanoseconds: UInt64) -> VkResult {
    withUnsafePointer(to: handle as VkSemaphore?) { semaphore in
      withUnsafePointer(to: value) { value in
        var info = VkSemaphoreWaitInfo()
        info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO
        info.semaphoreCount = 1
        info.pSemaphores = semaphore
        info.pValues = value
        return vkWaitSemaphores(device.handle, &info, nanoseconds)
      }
    }
  }

  private func queueSubmit(
    _ recordings: [Recording], waiting: [TimelinePoint], signalling value: UInt64
  ) -> VkResult {
    let commands = recordings.map { recording in
      var info = VkCommandBufferSubmitInfo()
      info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO
      info.commandBuffer = recording.commands
      return info
    }
    let waits = waiting.map { $0.timeline.semaphoreInfo(value: $0.value) }
    let signals = [semaphoreInfo(value: value)]
    return commands.withUnsafeBufferPointer { commands in
      waits.withUnsafeBufferPointer { waits in
        signals.withUnsafeBufferPointer { signals in
          var info = VkSubmitInfo2()
          info.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2
          info.waitSemaphoreInfoCount = UInt32(waits.count)
          info.pWaitSemaphoreInfos = waits.baseAddress
          info.commandBufferInfoCount = UInt32(commands.count)
          info.pCommandBufferInfos = commands.baseAddress
          info.signalSemaphoreInfoCount = UInt32(signals.count)
          info.pSignalSemaphoreInfos = signals.baseAddress
          return vkQueueSubmit2(device.queue, 1, &info, nil)
        }
      }
    }
  }

  private func semaphoreInfo(value: UInt64) -> VkSemaphoreSubmitInfo {
    var info = VkSemaphoreSubmitInfo()
    info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO
    info.semaphore = handle
    info.value = value
    info.stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT
    return info
  }
}
