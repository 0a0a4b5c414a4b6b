import CVulkan

/// A Vulkan call that failed, or a device that cannot do what is asked.
///
/// Printed as `call: RESULT (object): detail`.
public struct VulkanError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What kind of failure it is, for callers that treat some of them specially.
  public enum Kind: Equatable, Sendable {
    case outOfMemory, deviceLost, timeout, noDevice, unsupported, missingLayer, other
  }

  /// What kind of failure it is.
  public var kind: Kind
  /// The Vulkan function, e.g. `vkAllocateMemory`.
  public var call: String
  /// The name of the result, e.g. `VK_ERROR_OUT_OF_DEVICE_MEMORY`; empty when the call was not
  /// made because it was known to fail.
  public var result: String
  /// The name of the object concerned, as given by its creator.
  public var object: String
  /// Sizes, limits, what was there, what to do; empty when there is nothing to add.
  public var detail: String

  public init(
    _ kind: Kind, call: String, result: String = "", object: String, detail: String = ""
  ) {
    self.kind = kind
    self.call = call
    self.result = result
    self.object = object
    self.detail = detail
  }

  public var description: String {
    let head = result.isEmpty ? call : "\(call): \(result)"
    return "\(head) (\(object))" + (detail.isEmpty ? "" : ": \(detail)")
  }
}

extension VulkanError {
  /// An error for a result code.
  init(_ result: VkResult, call: String, object: String, detail: String = "") {
    let kind: Kind =
      switch result {
      case VK_ERROR_OUT_OF_HOST_MEMORY, VK_ERROR_OUT_OF_DEVICE_MEMORY: .outOfMemory
      case VK_ERROR_DEVICE_LOST: .deviceLost
      case VK_TIMEOUT: .timeout
      case VK_ERROR_FEATURE_NOT_PRESENT, VK_ERROR_EXTENSION_NOT_PRESENT: .unsupported
      case VK_ERROR_LAYER_NOT_PRESENT: .missingLayer
      default: .other
      }
    self.init(kind, call: call, result: resultName(result), object: object, detail: detail)
  }
}

/// Throws unless `result` is `VK_SUCCESS`.
func check(_ result: VkResult, _ call: String, object: String) throws(VulkanError) {
  if result != VK_SUCCESS { throw VulkanError(result, call: call, object: object) }
}

/// The handle a successful creating call wrote.
func created<T>(_ handle: T?, _ call: String, object: String) throws(VulkanError) -> T {
  guard let handle else {
    throw VulkanError(.other, call: call, object: object, detail: "succeeded without a handle")
  }
  return handle
}

private let resultNames: [Int: String] = [
  0: "VK_SUCCESS", 1: "VK_NOT_READY", 2: "VK_TIMEOUT", 3: "VK_EVENT_SET", 4: "VK_EVENT_RESET",
  5: "VK_INCOMPLETE", -1: "VK_ERROR_OUT_OF_HOST_MEMORY", -2: "VK_ERROR_OUT_OF_DEVICE_MEMORY",
  -3: "VK_ERROR_INITIALIZATION_FAILED", -4: "VK_ERROR_DEVICE_LOST",
  -5: "VK_ERROR_MEMORY_MAP_FAILED", -6: "VK_ERROR_LAYER_NOT_PRESENT",
  -7: "VK_ERROR_EXTENSION_NOT_PRESENT", -8: "VK_ERROR_FEATURE_NOT_PRESENT",
  -9: "VK_ERROR_INCOMPATIBLE_DRIVER", -10: "VK_ERROR_TOO_MANY_OBJECTS",
  -11: "VK_ERROR_FORMAT_NOT_SUPPORTED", -12: "VK_ERROR_FRAGMENTED_POOL",
  -13: "VK_ERROR_UNKNOWN", -1_000_069_000: "VK_ERROR_OUT_OF_POOL_MEMORY",
  -1_000_072_003: "VK_ERROR_INVALID_EXTERNAL_HANDLE", -1_000_161_000: "VK_ERROR_FRAGMENTATION",
  -1_000_257_000: "VK_ERROR_INVALID_OPAQUE_CAPTURE_ADDRESS",
  -1_000_012_000: "VK_ERROR_INVALID_SHADER_NV",
  1_000_297_000: "VK_PIPELINE_COMPILE_REQUIRED",
]

/// The name of a result in the Vulkan headers, or its number when it is not one of the core's.
func resultName(_ result: VkResult) -> String {
  resultNames[Int(result.rawValue)] ?? "VkResult(\(result.rawValue))"
}

/// Bytes for people, e.g. `1.50 GiB`.
public func readableByteCount(_ byteCount: UInt64) -> String {
  var value = Double(byteCount)
  let units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"]
  var unit = 0
  while value >= 1024, unit < units.count - 1 {
    value /= 1024
    unit += 1
  }
  if unit == 0 { return "\(byteCount) bytes" }
  let hundredths = Int((value * 100).rounded())
  let fraction = hundredths % 100
  return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction) \(units[unit])"
}
