import Graph

extension LoweringContext {
  /// A launch over `count` elements with the mapping of `common/elementwise.glsl`.
  ///
  /// - Parameter storage: the storage of each tensor that the shader reaches by a `STORAGE` macro.
  func elementwise<Parameters: BitwiseCopyable>(
    _ path: String, count: Int, storage: [String: DType], defines: [String: String] = [:],
    parameters: Parameters
  ) -> Launch {
    let shape = ElementwiseShape(count: count, device: device)
    return Launch(
      ShaderVariant(
        path, defines: defines.merging(Self.macros(storage)) { $1 }, constants: shape.constants),
      groups: shape.groups, parameters: parameters)
  }

  /// A launch of `groups` workgroups that may add over their lanes (`common/reduce.glsl`): one
  /// subgroup on a CPU, `lanes` lanes elsewhere.
  func grouped<Parameters: BitwiseCopyable>(
    _ path: String, groups: Int, lanes: Int = 256, storage: [String: DType],
    defines: [String: String] = [:], constants: [UInt32: UInt32] = [:], parameters: Parameters
  ) -> Launch {
    var defines = defines.merging(Self.macros(storage)) { $1 }
    if device.isCPU { defines["SINGLE_SUBGROUP"] = "1" }
    let lanes = device.isCPU ? device.subgroupSize : lanes
    return Launch(
      ShaderVariant(
        path, defines: defines, constants: constants.merging([0: UInt32(lanes)]) { $1 }),
      groups: foldedGroups(groups), parameters: parameters)
  }

  /// A launch whose lanes run side by side over columns: `parts` workgroups for each block of
  /// columns, in the order (part, block).
  func columns<Parameters: BitwiseCopyable>(
    _ path: String, columns: Int, parts: Int, storage: [String: DType],
    defines: [String: String] = [:], parameters: Parameters
  ) -> Launch {
    let lanes = 64
    let blockWidth = device.isCPU ? device.subgroupSize : lanes
    return grouped(
      path, groups: parts * ((columns + blockWidth - 1) / blockWidth), lanes: lanes,
      storage: storage, defines: defines, parameters: parameters)
  }

  private static func macros(_ storage: [String: DType]) -> [String: String] {
    Dictionary(
      uniqueKeysWithValues: storage.map { ("STORAGE_\($0.key)", $0.value.storageMacro) })
  }
}

/// How many parts a long sum is split into: parts run side by side and are added by a second
/// launch, in order.
struct SumParts {
  let count: Int
  let size: Int

  /// - Parameters:
  ///   - length: terms of one sum
  ///   - size: terms of one part
  init(length: Int, size: Int) {
    self.size = size
    count = max((length + size - 1) / size, 1)
  }

  /// Rows of a part where lanes run over columns: enough to pay for a workgroup on a CPU, few
  /// enough to fill a GPU.
  static func rows(_ length: Int, device: DeviceTraits) -> SumParts {
    SumParts(length: length, size: device.isCPU ? 512 : 128)
  }

  /// Elements of a part where the lanes of a workgroup share them.
  static func elements(_ length: Int) -> SumParts { SumParts(length: length, size: 16384) }
}

extension Activation? {
  /// Value of the macro ACTIVATION.
  var macro: String { String(self?.rawValue ?? 0) }
}
