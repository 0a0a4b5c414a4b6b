import Graph

extension LoweringContext {
  /// A launch over `count` Values with the mapping of `common/elementwise.glsl`.
  ///
  /// - Parameter storage: the storage of each tensor that the shader reaches by a `STORAGE` macro.
  func elementwise<Parameters: BitwiseCopyable>(
    _ path: String, count: Int, values: Values = .single, storage: [String: DType],
    defines: [String: String] = [:], parameters: Parameters
  ) -> Launch {
    let shape = ElementwiseShape(count: count, device: device)
    let defines = defines.merging(Self.macros(storage)) { $1 }.merging(values.defines) { $1 }
    return Launch(
      ShaderVariant(path, defines: defines, constants: shape.constants), groups: shape.groups,
      parameters: parameters)
  }

  /// A launch of `groups` workgroups that may add over their lanes (`common/reduce.glsl`): one
  /// subgroup on a CPU, `lanes` lanes elsewhere.
  func grouped<Parameters: BitwiseCopyable>(
    _ path: String, groups: Int, lanes: Int = 256, values: Values = .single,
    storage: [String: DType], defines: [String: String] = [:],
    constants: [UInt32: UInt32] = [:], parameters: Parameters
  ) -> Launch {
    var defines = defines.merging(Self.macros(storage)) { $1 }.merging(values.defines) { $1 }
    if device.isCPU { defines["SINGLE_SUBGROUP"] = "1" }
    let lanes = device.isCPU ? device.subgroupSize : lanes
    return Launch(
      ShaderVariant(
        path, defines: defines, constants: constants.merging([0: UInt32(lanes)]) { $1 }),
      groups: foldedGroups(groups), parameters: parameters)
  }

  /// A launch whose lanes run side by side over columns, which are Values: `parts` workgroups for
  /// each block of columns, in the order (part, block).
  func columns<Parameters: BitwiseCopyable>(
    _ path: String, columns: Int, parts: Int, values: Values = .single,
    storage: [String: DType], defines: [String: String] = [:], parameters: Parameters
  ) -> Launch {
    grouped(
      path, groups: parts * device.columnBlocks(columns), lanes: DeviceTraits.columnLanes,
      values: values, storage: storage, defines: defines, parameters: parameters)
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

  /// Rows of a part where lanes run over columns. On a CPU few parts, because each launch costs as much
  /// as a million sums, but none that goes over more memory than its pages' addresses and its cache are
  /// good for: a sum of 16384 rows of 320 f32 takes half the time in parts of 1.5 MB. On a GPU enough to
  /// fill it.
  /// - Parameters:
  ///   - columns: elements of a row
  ///   - outer: sums of `length` rows that there are
  static func rows(
    _ length: Int, columns: Int, values: Values, outer: Int, device: DeviceTraits
  ) -> SumParts {
    let groups = max(outer * device.columnBlocks(values.count(columns)), 1)
    let wanted =
      device.isCPU ? max(16 / groups, length * columns * 4 / 1_500_000) : 2048 / groups
    let most = length / (device.isCPU ? 512 : 64)
    let count = max(min(wanted, most), 1)
    return SumParts(length: length, size: max((length + count - 1) / count, 1))
  }

  /// Elements of a part where the lanes of a workgroup share them.
  static func elements(_ length: Int) -> SumParts { SumParts(length: length, size: 16384) }
}

/// What a kernel treats as one: an element, or a pair of neighbours (`common/values.glsl`).
struct Values {
  /// Elements of a Value.
  let size: Int

  static let single = Values(size: 1)
  /// For kernels over flat tensors: an odd last pair reaches into the padding.
  static let pairs = Values(size: 2)

  /// Pairs where these sizes, of rows or of anything else that is counted in Values, are even.
  static func dividing(_ sizes: Int...) -> Values {
    sizes.allSatisfy { $0 % 2 == 0 } ? .pairs : .single
  }

  /// Values that hold this many elements.
  func count(_ elements: Int) -> Int { (elements + size - 1) / size }

  fileprivate var defines: [String: String] { size == 2 ? ["PAIRS": "1"] : [:] }
}

extension DeviceTraits {
  /// Lanes of a workgroup that run side by side over columns, but on a CPU.
  fileprivate static let columnLanes = 64

  /// Workgroups that lie side by side over columns.
  func columnBlocks(_ columns: Int) -> Int {
    let width = isCPU ? subgroupSize : Self.columnLanes
    return (columns + width - 1) / width
  }
}

extension Activation? {
  /// Value of the macro ACTIVATION.
  var macro: String { String(self?.rawValue ?? 0) }
}

/// Bytes of a part of scratch memory, rounded up so that what follows keeps the alignment of tensors.
func scratchByteCount(_ byteCount: Int) -> Int { ceilDivide(byteCount, 256) * 256 }
