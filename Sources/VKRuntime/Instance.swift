import CVulkan
import Synchronization

/// Messages of the validation layers, collected from whichever thread causes them.
final class ValidationMessages: Sendable {
  private let collected = Mutex<[String]>([])
  private let isEchoed: Bool

  init(isEchoed: Bool) { self.isEchoed = isEchoed }

  var all: [String] { collected.withLock { $0 } }

  func append(_ message: String) {
    collected.withLock { $0.append(message) }
    if isEchoed { writeToStandardError("vulkan validation: \(message)\n") }
  }

  func removeAll() -> [String] {
    collected.withLock { messages in
      defer { messages = [] }
      return messages
    }
  }
}

func writeToStandardError(_ text: String) {
  vkxl_write_error(text)
}

/// A connection to the Vulkan loader, with the validation layer when asked for.
final class Instance: Sendable {
  /// Vulkan 1.3, whose features (timeline semaphores, synchronization2, addresses) are the base.
  static let apiVersion: UInt32 = (1 << 22) | (3 << 12)
  private static let validationLayer = "VK_LAYER_KHRONOS_validation"
  private static let debugExtension = "VK_EXT_debug_utils"

  // Vulkan handles are plain pointers; instances are externally synchronised only on destruction.
  nonisolated(unsafe) let handle: VkInstance
  nonisolated(unsafe) private let messenger: VkDebugUtilsMessengerEXT?
  /// nil when not validating.
  let messages: ValidationMessages?

  /// - Parameters:
  ///   - validate: turns the Khronos validation layer on.
  ///   - echo: also writes its messages to standard error as they come.
  /// - Throws: `VulkanError` when there is no loader, driver or layer.
  init(validate: Bool, echo: Bool) throws {
    if validate { try Self.requireValidationLayer() }
    handle = try Self.makeHandle(validate: validate)
    if validate {
      let messages = ValidationMessages(isEchoed: echo)
      self.messages = messages
      messenger = Self.makeMessenger(handle, messages)
    } else {
      messages = nil
      messenger = nil
    }
  }

  deinit {
    if let messenger,
      let destroy = Self.function(
        "vkDestroyDebugUtilsMessengerEXT", of: handle, as: PFN_vkDestroyDebugUtilsMessengerEXT.self)
    {
      destroy(handle, messenger, nil)
    }
    vkDestroyInstance(handle, nil)
  }

  /// Every physical device of every driver, in the loader's order.
  func physicalDevices() throws -> [VkPhysicalDevice] {
    var count: UInt32 = 0
    try check(
      vkEnumeratePhysicalDevices(handle, &count, nil), "vkEnumeratePhysicalDevices",
      object: "instance")
    var devices = [VkPhysicalDevice?](repeating: nil, count: Int(count))
    try check(
      vkEnumeratePhysicalDevices(handle, &count, &devices), "vkEnumeratePhysicalDevices",
      object: "instance")
    return devices.prefix(Int(count)).compactMap { $0 }
  }

  /// A function of an instance extension; nil when the loader does not know it.
  static func function<T>(_ name: String, of instance: VkInstance, as type: T.Type) -> T? {
    guard let function = vkGetInstanceProcAddr(instance, name) else { return nil }
    return unsafeBitCast(function, to: T.self)
  }

  private static func makeHandle(validate: Bool) throws -> VkInstance {
    var application = VkApplicationInfo()
    application.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO
    application.apiVersion = apiVersion
    let layers = validate ? [validationLayer] : []
    let extensions = validate ? [debugExtension] : []
    var handle: VkInstance?
    let result = withUnsafePointer(to: application) { application in
      withCStrings(layers) { layerNames, layerCount in
        withCStrings(extensions) { extensionNames, extensionCount in
          var info = VkInstanceCreateInfo()
          info.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO
          info.pApplicationInfo = application
          info.enabledLayerCount = layerCount
          info.ppEnabledLayerNames = layerNames
          info.enabledExtensionCount = extensionCount
          info.ppEnabledExtensionNames = extensionNames
          return vkCreateInstance(&info, nil, &handle)
        }
      }
    }
    guard result == VK_SUCCESS else {
      let detail =
        result == VK_ERROR_INCOMPATIBLE_DRIVER
        ? "no Vulkan driver is installed (Debian, Ubuntu: package mesa-vulkan-drivers)" : ""
      throw VulkanError(result, call: "vkCreateInstance", object: "instance", detail: detail)
    }
    return try created(handle, "vkCreateInstance", object: "instance")
  }

  private static func requireValidationLayer() throws {
    var count: UInt32 = 0
    try check(
      vkEnumerateInstanceLayerProperties(&count, nil), "vkEnumerateInstanceLayerProperties",
      object: "instance")
    var layers = [VkLayerProperties](repeating: VkLayerProperties(), count: Int(count))
    try check(
      vkEnumerateInstanceLayerProperties(&count, &layers), "vkEnumerateInstanceLayerProperties",
      object: "instance")
    let names = layers.map { text(of: $0.layerName) }
    if !names.contains(validationLayer) {
      throw VulkanError(
        .missingLayer, call: "vkCreateInstance", object: validationLayer,
        detail: "the layer is not installed (Debian, Ubuntu: package vulkan-validationlayers)")
    }
  }

  private static func makeMessenger(
    _ instance: VkInstance, _ messages: ValidationMessages
  ) -> VkDebugUtilsMessengerEXT? {
    guard
      let create = function(
        "vkCreateDebugUtilsMessengerEXT", of: instance, as: PFN_vkCreateDebugUtilsMessengerEXT.self)
    else { return nil }
    var info = VkDebugUtilsMessengerCreateInfoEXT()
    info.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT
    info.messageSeverity =
      VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT.rawValue
      | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT.rawValue
    info.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT.rawValue
    // Unretained: the instance owns both, and destroys the messenger first.
    info.pUserData = Unmanaged.passUnretained(messages).toOpaque()
    info.pfnUserCallback = { _, _, data, user in
      if let user, let message = data?.pointee.pMessage {
        Unmanaged<ValidationMessages>.fromOpaque(user).takeUnretainedValue()
          .append(String(cString: message))
      }
      return VK_FALSE
    }
    var messenger: VkDebugUtilsMessengerEXT?
    return create(instance, &info, nil, &messenger) == VK_SUCCESS ? messenger : nil
  }
}
