import CVulkan

/// What sort of processor a device is, in the order of preference.
public enum DeviceKind: String, Sendable, CaseIterable, Comparable {
  case discrete, integrated, virtual, cpu, other

  public static func < (a: DeviceKind, b: DeviceKind) -> Bool {
    (allCases.firstIndex(of: a) ?? 0) < (allCases.firstIndex(of: b) ?? 0)
  }

  init(_ type: VkPhysicalDeviceType) {
    self =
      switch type {
      case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU: .discrete
      case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU: .integrated
      case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU: .virtual
      case VK_PHYSICAL_DEVICE_TYPE_CPU: .cpu
      default: .other
      }
  }
}

/// One Vulkan device of this machine: what it is, and whether vkxl can run on it.
public struct DeviceInformation: Sendable {
  /// Its place in `Device.available()`: discrete, integrated, virtual, CPU; then the loader's order.
  public var index: Int
  public var name: String
  /// Discrete, integrated, CPU and the like.
  public var kind: DeviceKind
  /// PCI vendor, or the Khronos number of one without.
  public var vendorID: UInt32
  /// The vendor's number for the device.
  public var deviceID: UInt32
  /// The vendor's name where its ID is known, else the ID in hexadecimal.
  public var vendor: String
  /// e.g. `llvmpipe` with `Mesa 22.3.6 (LLVM 15.0.6)`.
  public var driverName: String
  /// Version text of the driver.
  public var driverInfo: String
  /// The driver's own number for its version; its bits differ between vendors.
  public var driverVersion: UInt32
  /// Supported Vulkan version, e.g. `1.3.230`.
  public var apiVersion: String
  /// 16 bytes in hexadecimal that change with the driver build.
  public var driverUUID: String
  /// 16 bytes in hexadecimal that name the device.
  public var deviceUUID: String
  /// 16 bytes in hexadecimal: pipelines compiled by another one are of no use.
  public var pipelineCacheUUID: String
  /// Device extensions by name, e.g. `VK_KHR_cooperative_matrix`.
  public var extensions: Set<String>
  /// Features that the device supports.
  public var features: Set<DeviceFeature>
  /// What the device allows, as queried.
  public var limits: DeviceLimits

  /// Why vkxl cannot run here: required features that are missing; empty when it can.
  public var missingFeatures: [String]
}

extension DeviceInformation: CustomStringConvertible {
  public var description: String {
    "\(index): \(name) (\(kind.rawValue), \(readableByteCount(limits.deviceByteCount)))"
  }
}

extension DeviceInformation {
  init(_ device: VkPhysicalDevice, of instance: Instance, index: Int) throws {
    let chain = StructureChain()
    var properties = VkPhysicalDeviceProperties2()
    properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2
    var version11 = VkPhysicalDeviceVulkan11Properties()
    version11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES
    var version12 = VkPhysicalDeviceVulkan12Properties()
    version12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES
    var version13 = VkPhysicalDeviceVulkan13Properties()
    version13.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_PROPERTIES
    let propertiesPlace = chain.append(properties)
    let place11 = chain.append(version11)
    let place12 = chain.append(version12)
    let place13 = chain.append(version13)
    withExtendedLifetime(chain) {
      vkGetPhysicalDeviceProperties2(device, propertiesPlace)
      (properties, version11) = (propertiesPlace.pointee, place11.pointee)
      (version12, version13) = (place12.pointee, place13.pointee)
    }

    let core = properties.properties
    var memory = VkPhysicalDeviceMemoryProperties()
    vkGetPhysicalDeviceMemoryProperties(device, &memory)
    self.index = index
    name = text(of: core.deviceName)
    kind = DeviceKind(core.deviceType)
    vendorID = core.vendorID
    deviceID = core.deviceID
    vendor = vendorNames[core.vendorID] ?? "0x" + String(core.vendorID, radix: 16)
    driverName = text(of: version12.driverName)
    driverInfo = text(of: version12.driverInfo)
    driverVersion = core.driverVersion
    apiVersion = versionText(core.apiVersion)
    driverUUID = hexadecimal(elements(of: version11.driverUUID, as: UInt8.self))
    deviceUUID = hexadecimal(elements(of: version11.deviceUUID, as: UInt8.self))
    pipelineCacheUUID = hexadecimal(elements(of: core.pipelineCacheUUID, as: UInt8.self))
    extensions = try extensionNames(of: device, named: name)
    let features = FeatureChain.available(on: device)
    self.features = features
    limits = DeviceLimits(
      core: core, version11: version11, version13: version13, memory: memory, features: features,
      matrixShapes: MatrixShape.available(on: device, of: instance, extensions: extensions),
      multiprocessorCount: DeviceLimits.multiprocessorCount(of: device, extensions: extensions))
    missingFeatures = DeviceFeature.allCases.filter { $0.isRequired && !features.contains($0) }
      .map(\.rawValue)
    if core.apiVersion < Instance.apiVersion { missingFeatures.insert("Vulkan 1.3", at: 0) }
  }
}

private let vendorNames: [UInt32: String] = [
  0x1002: "AMD", 0x10DE: "NVIDIA", 0x8086: "Intel", 0x13B5: "Arm", 0x5143: "Qualcomm",
  0x106B: "Apple", 0x1010: "Imagination", 0x10005: "Mesa",
]

private func versionText(_ version: UInt32) -> String {
  "\((version >> 22) & 0x7F).\((version >> 12) & 0x3FF).\(version & 0xFFF)"
}

func hexadecimal(_ bytes: [UInt8]) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

private func extensionNames(of device: VkPhysicalDevice, named name: String) throws -> Set<String> {
  let call = "vkEnumerateDeviceExtensionProperties"
  var count: UInt32 = 0
  try check(
    vkEnumerateDeviceExtensionProperties(device, nil, &count, nil), call, object: name)
  var extensions = [VkExtensionProperties](repeating: VkExtensionProperties(), count: Int(count))
  try check(
    vkEnumerateDeviceExtensionProperties(device, nil, &count, &extensions), call, object: name)
  return Set(extensions.map { text(of: $0.extensionName) })
}
