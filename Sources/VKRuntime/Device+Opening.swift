import CVulkan

/// The queue family that runs everything.
struct QueueFamily {
  let index: UInt32
  /// Meaningful low bits of its timestamps; 0 when it has none.
  let timestampBitCount: UInt32

  /// Prefers a family for compute without graphics, so that a desktop's drawing and training do
  /// not share one hardware queue; else the first that can compute.
  init(of device: VkPhysicalDevice, deviceName: String) throws {
    var count: UInt32 = 0
    vkGetPhysicalDeviceQueueFamilyProperties(device, &count, nil)
    var families = [VkQueueFamilyProperties](
      repeating: VkQueueFamilyProperties(), count: Int(count))
    vkGetPhysicalDeviceQueueFamilyProperties(device, &count, &families)
    let compute = VK_QUEUE_COMPUTE_BIT.rawValue
    let graphics = VK_QUEUE_GRAPHICS_BIT.rawValue
    let capable = families.indices.filter {
      families[$0].queueFlags & compute != 0 && families[$0].queueCount > 0
    }
    let dedicated = capable.first {
      families[$0].queueFlags & graphics == 0 && families[$0].timestampValidBits > 0
    }
    guard let choice = dedicated ?? capable.first else {
      throw VulkanError(
        .unsupported, call: "vkGetPhysicalDeviceQueueFamilyProperties", object: deviceName,
        detail: "it has no queue that computes")
    }
    index = UInt32(choice)
    timestampBitCount = families[choice].timestampValidBits
  }
}

extension Device {
  /// The devices in the order of preference, each with what is known about it.
  static func sortedDevices(
    of instance: Instance
  ) throws -> [(VkPhysicalDevice, DeviceInformation)] {
    let found = try instance.physicalDevices().enumerated().map { order, device in
      (device, try DeviceInformation(device, of: instance, index: order))
    }
    let sorted = found.sorted { ($0.1.kind, $0.1.index) < ($1.1.kind, $1.1.index) }
    return sorted.enumerated().map { index, entry in
      var information = entry.1
      information.index = index
      return (entry.0, information)
    }
  }

  /// Extensions that are used when there.
  static func extensionsToEnable(_ information: DeviceInformation) -> Set<String> {
    var wanted: Set = ["VK_EXT_memory_budget", "VK_KHR_pipeline_executable_properties"]
    if vkxl_headers_know_device_fault() != 0 { wanted.insert("VK_EXT_device_fault") }
    if let matrices = MatrixExtension(information) { wanted.insert(matrices.rawValue) }
    if information.limits.matrixShapes.contains(where: { $0.operands == .bf16 }) {
      wanted.insert(MatrixExtension.brainExtension)
    }
    return wanted.intersection(information.extensions)
  }

  static func makeHandle(
    _ physical: VkPhysicalDevice, _ information: DeviceInformation, family: QueueFamily,
    extensions: Set<String>
  ) throws -> VkDevice {
    let features = FeatureChain()
    for feature in information.features { features[feature] = true }
    if extensions.contains("VK_EXT_device_fault") {
      features.structures.append(vkxl_device_fault_features())
    }
    if extensions.contains("VK_KHR_pipeline_executable_properties") {
      var statistics = VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR()
      statistics.sType =
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR
      statistics.pipelineExecutableInfo = 1
      features.structures.append(statistics)
    }
    if let matrices = MatrixExtension.allCases.first(where: { extensions.contains($0.rawValue) }) {
      features.structures.append(vkxl_matrix_features(matrices == .nv ? 1 : 0))
    }
    if extensions.contains(MatrixExtension.brainExtension) {
      var brain = vkxl_brain_features()
      brain.shaderBFloat16Type = 1
      brain.shaderBFloat16CooperativeMatrix = 1
      features.structures.append(brain)
    }
    var handle: VkDevice?
    let result = withUnsafePointer(to: Float(1)) { priority in
      var queue = VkDeviceQueueCreateInfo()
      queue.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO
      queue.queueFamilyIndex = family.index
      queue.queueCount = 1
      queue.pQueuePriorities = priority
      return withUnsafePointer(to: queue) { queue in
        withCStrings(extensions.sorted()) { names, count in
          var info = VkDeviceCreateInfo()
          info.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO
          info.pNext = UnsafeRawPointer(features.structures.head)
          info.queueCreateInfoCount = 1
          info.pQueueCreateInfos = queue
          info.enabledExtensionCount = count
          info.ppEnabledExtensionNames = names
          return withExtendedLifetime(features) { vkCreateDevice(physical, &info, nil, &handle) }
        }
      }
    }
    try check(result, "vkCreateDevice", object: information.name)
    return try created(handle, "vkCreateDevice", object: information.name)
  }
}
