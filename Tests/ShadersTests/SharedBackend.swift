import Graph
import Shaders
import Testing
import VKRuntime

/// One device for all tests of this module: opening it and compiling kernels takes time.
enum SharedBackend {
  private static let result = Result { try VulkanBackend(Device()) }

  static var vulkan: VulkanBackend { get throws { try result.get() } }
}
