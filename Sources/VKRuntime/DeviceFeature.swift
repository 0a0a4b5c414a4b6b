import CVulkan

/// A capability that a device may offer; enabled on every `Device` that has it.
public enum DeviceFeature: String, CaseIterable, Sendable {
  // Needed by the way vkxl works: addresses, 64-bit offsets, replay without host waits.
  case bufferDeviceAddress, timelineSemaphore, synchronization2, hostQueryReset, maintenance4
  case scalarBlockLayout, shaderInt64
  // Chosen by kernels when there.
  case shaderInt16, shaderInt8, shaderFloat16, shaderFloat64
  case storageBuffer16BitAccess, storageBuffer8BitAccess
  case subgroupSizeControl, computeFullSubgroups
  case vulkanMemoryModel, vulkanMemoryModelDeviceScope

  /// Whether a device without it is refused.
  public var isRequired: Bool {
    switch self {
    case .bufferDeviceAddress, .timelineSemaphore, .synchronization2, .hostQueryReset,
      .maintenance4, .scalarBlockLayout, .shaderInt64:
      true
    default: false
    }
  }
}

/// The feature structures of Vulkan 1.0 to 1.3 as one chain: filled by a query, then reduced to
/// what is enabled and handed to `vkCreateDevice`.
final class FeatureChain {
  let structures = StructureChain()
  private let core: UnsafeMutablePointer<VkPhysicalDeviceFeatures2>
  private let version11: UnsafeMutablePointer<VkPhysicalDeviceVulkan11Features>
  private let version12: UnsafeMutablePointer<VkPhysicalDeviceVulkan12Features>
  private let version13: UnsafeMutablePointer<VkPhysicalDeviceVulkan13Features>

  init() {
    var core = VkPhysicalDeviceFeatures2()
    core.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2
    self.core = structures.append(core)
    var version11 = VkPhysicalDeviceVulkan11Features()
    version11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES
    self.version11 = structures.append(version11)
    var version12 = VkPhysicalDeviceVulkan12Features()
    version12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES
    self.version12 = structures.append(version12)
    var version13 = VkPhysicalDeviceVulkan13Features()
    version13.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES
    self.version13 = structures.append(version13)
  }

  /// What `device` offers of the features known here.
  static func available(on device: VkPhysicalDevice) -> Set<DeviceFeature> {
    let chain = FeatureChain()
    return withExtendedLifetime(chain) {
      vkGetPhysicalDeviceFeatures2(device, chain.core)
      return Set(DeviceFeature.allCases.filter { chain[$0] })
    }
  }

  subscript(feature: DeviceFeature) -> Bool {
    get {
      switch place(of: feature) {
      case .core(let path): core.pointee.features[keyPath: path] != 0
      case .version11(let path): version11.pointee[keyPath: path] != 0
      case .version12(let path): version12.pointee[keyPath: path] != 0
      case .version13(let path): version13.pointee[keyPath: path] != 0
      }
    }
    set {
      let flag: VkBool32 = newValue ? 1 : 0
      switch place(of: feature) {
      case .core(let path): core.pointee.features[keyPath: path] = flag
      case .version11(let path): version11.pointee[keyPath: path] = flag
      case .version12(let path): version12.pointee[keyPath: path] = flag
      case .version13(let path): version13.pointee[keyPath: path] = flag
      }
    }
  }

  private enum Place {
    case core(WritableKeyPath<VkPhysicalDeviceFeatures, VkBool32>)
    case version11(WritableKeyPath<VkPhysicalDeviceVulkan11Features, VkBool32>)
    case version12(WritableKeyPath<VkPhysicalDeviceVulkan12Features, VkBool32>)
    case version13(WritableKeyPath<VkPhysicalDeviceVulkan13Features, VkBool32>)
  }

  private func place(of feature: DeviceFeature) -> Place {
    switch feature {
    case .shaderInt64: .core(\.shaderInt64)
    case .shaderInt16: .core(\.shaderInt16)
    case .shaderFloat64: .core(\.shaderFloat64)
    case .storageBuffer16BitAccess: .version11(\.storageBuffer16BitAccess)
    case .bufferDeviceAddress: .version12(\.bufferDeviceAddress)
    case .timelineSemaphore: .version12(\.timelineSemaphore)
    case .hostQueryReset: .version12(\.hostQueryReset)
    case .scalarBlockLayout: .version12(\.scalarBlockLayout)
    case .shaderInt8: .version12(\.shaderInt8)
    case .shaderFloat16: .version12(\.shaderFloat16)
    case .storageBuffer8BitAccess: .version12(\.storageBuffer8BitAccess)
    case .vulkanMemoryModel: .version12(\.vulkanMemoryModel)
    case .vulkanMemoryModelDeviceScope: .version12(\.vulkanMemoryModelDeviceScope)
    case .synchronization2: .version13(\.synchronization2)
    case .maintenance4: .version13(\.maintenance4)
    case .subgroupSizeControl: .version13(\.subgroupSizeControl)
    case .computeFullSubgroups: .version13(\.computeFullSubgroups)
    }
  }
}
