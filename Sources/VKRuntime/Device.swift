import CVulkan
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// An opened Vulkan device with its one queue: the owner of everything else in VKRuntime.
///
/// Arenas, pipelines, streams and timelines keep their device alive. All of it may be used from
/// any thread; submissions are serialised by a lock.
public final class Device: Sendable {
  /// What the device is and can do.
  public let information: DeviceInformation
  /// Extensions that are enabled; kernels' variants ask here.
  public let enabledExtensions: Set<String>
  /// Where compiled pipelines are kept between runs; nil keeps none.
  public let cacheFolder: CacheFolder?

  // Plain pointers that never change; Vulkan's rules for concurrent use are kept by `queueState`.
  nonisolated(unsafe) let handle: VkDevice
  nonisolated(unsafe) let physical: VkPhysicalDevice
  nonisolated(unsafe) let queue: VkQueue
  let instance: Instance
  let pipelineCache: PipelineCache
  let queueFamily: QueueFamily
  let memory = Mutex(MemoryStatistics())
  let layouts = Mutex(PipelineLayouts())
  let queueState = Mutex(QueueState())

  /// Limits of memory, groups and launch parameters.
  public var limits: DeviceLimits { information.limits }

  /// Features the device has; all of those known to `DeviceFeature` are enabled.
  public var features: Set<DeviceFeature> { information.features }

  /// Whether command streams can write timestamps.
  public var hasClock: Bool { queueFamily.timestampBitCount > 0 }

  /// The devices of this machine: discrete, integrated, virtual, CPU.
  ///
  /// - Throws: `VulkanError` when there is no Vulkan loader or driver at all.
  public static func available() throws -> [DeviceInformation] {
    try sortedDevices(of: Instance(validate: false, echo: false)).map(\.1)
  }

  /// Opens a device.
  ///
  /// - Parameters:
  ///   - selector: which one; the best by default.
  ///   - validate: turns validation on, its messages collected in `validationMessages`. nil asks
  ///     the environment variable `VKXL_VALIDATE` (`1` is on), and then messages are also written
  ///     to standard error, one line each that starts with `vulkan validation:`.
  ///   - cacheFolder: where compiled pipelines are kept between runs.
  ///   - assumesDiscrete: treats the device as one with memory of its own, which the host cannot
  ///     reach, so that this can be tried anywhere.
  /// - Throws: `VulkanError` when no device matches, a required feature or the validation layer
  ///   is missing, or the driver refuses.
  public init(
    _ selector: DeviceSelector = .best, validate: Bool? = nil,
    cacheFolder: CacheFolder? = .standard, assumesDiscrete: Bool = false
  ) throws {
    let isEnvironmentValidating = ProcessInfo.processInfo.environment["VKXL_VALIDATE"] == "1"
    instance = try Instance(
      validate: validate ?? isEnvironmentValidating, echo: validate == nil)
    let devices = try Self.sortedDevices(of: instance)
    var information = try selector.choose(from: devices.map(\.1))
    if assumesDiscrete { information.limits.isUnifiedMemory = false }
    self.information = information
    physical = devices[information.index].0
    queueFamily = try QueueFamily(of: physical, deviceName: information.name)
    enabledExtensions = Self.extensionsToEnable(information)
    handle = try Self.makeHandle(
      physical, information, family: queueFamily, extensions: enabledExtensions)
    self.cacheFolder = cacheFolder
    do {
      var queue: VkQueue?
      vkGetDeviceQueue(handle, queueFamily.index, 0, &queue)
      self.queue = try created(queue, "vkGetDeviceQueue", object: information.name)
      pipelineCache = try PipelineCache(handle, information, folder: cacheFolder)
    } catch {
      vkDestroyDevice(handle, nil)
      throw error
    }
  }

  deinit {
    // Drivers without hardware (RADV's null device, for compiling only) cannot wait.
    if queueState.withLock({ $0.lastSubmission }) != nil { vkDeviceWaitIdle(handle) }
    layouts.withLock { $0.destroy(on: handle) }
    pipelineCache.destroy(on: handle)
    vkDestroyDevice(handle, nil)
  }

  /// What the validation layer has said so far; empty when not validating.
  public var validationMessages: [String] { instance.messages?.all ?? [] }

  /// Takes the messages of the validation layer out.
  public func takeValidationMessages() -> [String] { instance.messages?.removeAll() ?? [] }

  /// Whether the validation layer is on.
  public var isValidating: Bool { instance.messages != nil }

  /// Waits for everything submitted.
  public func waitIdle() throws {
    let result = queueState.withLock { _ in vkQueueWaitIdle(queue) }
    if result != VK_SUCCESS { throw failure(result, call: "vkQueueWaitIdle", object: "queue") }
  }

  /// An error for a result, with what is known about a lost device.
  func failure(_ result: VkResult, call: String, object: String) -> VulkanError {
    guard result == VK_ERROR_DEVICE_LOST else {
      return VulkanError(result, call: call, object: object)
    }
    var parts = ["device \(information.name) was lost"]
    if let last = queueState.withLock({ $0.lastSubmission }) {
      parts.append("last submission: \(last)")
    }
    if enabledExtensions.contains("VK_EXT_device_fault") {
      var buffer = [CChar](repeating: 0, count: 1024)
      vkxl_describe_device_fault(handle, &buffer, buffer.count)
      let fault = String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
      if !fault.isEmpty { parts.append("fault: \(fault)") }
    }
    return VulkanError(
      result, call: call, object: object, detail: parts.joined(separator: "; "))
  }

  /// Gives an object a name in validation messages and debuggers.
  func setName(_ name: String, of object: OpaquePointer, type: VkObjectType) {
    guard isValidating,
      let set = Instance.function(
        "vkSetDebugUtilsObjectNameEXT", of: instance.handle,
        as: PFN_vkSetDebugUtilsObjectNameEXT.self)
    else { return }
    name.withCString { text in
      var info = VkDebugUtilsObjectNameInfoEXT()
      info.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT
      info.objectType = type
      info.objectHandle = UInt64(UInt(bitPattern: object))
      info.pObjectName = text
      // A name that cannot be set costs only readability.
      _ = set(handle, &info)
    }
  }
}

/// What is known about submissions; its lock also serialises the queue.
struct QueueState {
  var lastSubmission: String?
}
