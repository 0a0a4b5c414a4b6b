import CVulkan

/// A product that a subgroup computes at once on matrix units: sums [m, n] += A [m, k] B [k, n].
public struct MatrixShape: Hashable, Sendable {
  /// Rows of the result.
  public var m: Int
  /// Columns of the result.
  public var n: Int
  /// Length of the sums.
  public var k: Int
  /// Type of A and B.
  public var operands: MatrixElement
  /// Type of the sums.
  public var sums: MatrixElement

  public init(m: Int, n: Int, k: Int, operands: MatrixElement, sums: MatrixElement) {
    (self.m, self.n, self.k, self.operands, self.sums) = (m, n, k, operands, sums)
  }
}

/// Element types of matrices that kernels use.
public enum MatrixElement: Hashable, Sendable {
  case f16, bf16, f32

  init?(_ type: UInt32) {
    switch Int(type) {
    case VKXL_FLOAT16: self = .f16
    case VKXL_BFLOAT16: self = .bf16
    case VKXL_FLOAT32: self = .f32
    default: return nil
    }
  }
}

/// How a device takes matrix instructions: Khronos's extension, or NVIDIA's older one where there is
/// only that. Both need the Vulkan memory model.
public enum MatrixExtension: String, CaseIterable, Sendable {
  case khr = "VK_KHR_cooperative_matrix"
  case nv = "VK_NV_cooperative_matrix"

  /// What makes bf16 matrices possible.
  static let brainExtension = "VK_KHR_shader_bfloat16"

  init?(_ information: DeviceInformation) {
    self.init(extensions: information.extensions)
    let isUsable =
      information.features.contains(.vulkanMemoryModel)
      && !information.limits.matrixShapes.isEmpty
    if !isUsable { return nil }
  }

  init?(extensions: Set<String>) {
    guard let offered = Self.allCases.first(where: { extensions.contains($0.rawValue) }) else {
      return nil
    }
    self = offered
  }
}

extension Device {
  /// The extension that is enabled for matrix units; nil when the device has none.
  public var matrixExtension: MatrixExtension? { MatrixExtension(extensions: enabledExtensions) }
}

extension MatrixShape {
  /// The shapes that subgroups of a device multiply, both operands of one type, in the device's order.
  static func available(
    on device: VkPhysicalDevice, of instance: Instance, extensions: Set<String>
  ) -> [MatrixShape] {
    guard let offered = MatrixExtension(extensions: extensions) else { return [] }
    var found = [VkxlMatrixShape](repeating: VkxlMatrixShape(), count: 256)
    let count = vkxl_matrix_shapes(
      instance.handle, device, offered == .nv ? 1 : 0, &found, UInt32(found.count))
    var shapes: [MatrixShape] = []
    for entry in found.prefix(Int(count))
    where Int(entry.scope) == VKXL_SCOPE_SUBGROUP && entry.a == entry.b && entry.c == entry.result {
      guard let operands = MatrixElement(entry.a), let sums = MatrixElement(entry.c)
      else { continue }
      if operands == .bf16, !extensions.contains(MatrixExtension.brainExtension) { continue }
      let shape = MatrixShape(
        m: Int(entry.m), n: Int(entry.n), k: Int(entry.k), operands: operands, sums: sums)
      // The same shape is listed again with saturation.
      if !shapes.contains(shape) { shapes.append(shape) }
    }
    return shapes
  }
}
