import Graph
import VKRuntime

/// How a workgroup of a GPU covers attention with matrix units: see
/// `shaders/attention/attention_matrix.glsl`.
struct AttentionMatrixTile: Hashable, Sendable {
  /// The kernels differ in what they keep in registers and shared memory.
  enum Kernel: Sendable {
    case forward, queryGradient, keyGradient
  }

  /// The shape, whose `subgroupRows` and `subgroupColumns` do not count here.
  var units: BlockTile.MatrixUnits
  /// Subgroups of a workgroup.
  var subgroups: Int
  /// Rows of a subgroup, a multiple of 16.
  var rows: Int
  /// Lines of the other side in a block.
  var block: Int
  /// Width of a head.
  var width: Int
  var kernel: Kernel

  /// Subgroups, their rows and a block's lines that pay where registers hold them.
  private static func tallest(_ kernel: Kernel) -> [(Int, Int, Int)] {
    switch kernel {
    case .forward: [(4, 32, 64)]
    case .queryGradient: [(4, 32, 32)]
    case .keyGradient: []
    }
  }

  /// The first that fits into shared memory, of which NVIDIA has 48 KiB. Nil where none does, or fragments
  /// do not divide a head.
  static func largest(
    _ units: BlockTile.MatrixUnits, width: Int, _ kernel: Kernel, sharedMemoryByteCount: Int
  ) -> AttentionMatrixTile? {
    let sizes =
      (units.hasLargeRegisters ? tallest(kernel) : []) + [
        (4, 16, 64), (4, 16, 32), (2, 16, 32), (1, 16, 32),
      ]
    return sizes.lazy.map { subgroups, rows, block in
      AttentionMatrixTile(
        units: units, subgroups: subgroups, rows: rows, block: block, width: width, kernel: kernel)
    }.first { $0.isWhole && $0.sharedMemoryByteCount <= sharedMemoryByteCount }
  }

  private var isWhole: Bool {
    let shape = units.shape
    // RDNA3 has too few registers for the gradients' sums of wider heads.
    if kernel != .forward && width > 64 { return false }
    // And for blocks of 64 lines of heads wider than 96.
    if width * block > 96 * 64 { return false }
    let isMultiple = [width, block].allSatisfy { $0 % shape.n == 0 && $0 % shape.k == 0 }
    return AttentionTile.canTake(width: width) && isMultiple && rows % 16 == 0 && 16 % shape.m == 0
      && shape.n % 8 == 0 && shape.n <= 16 && shape.k % 8 == 0 && shape.m % 4 == 0
      && units.subgroupSize <= 64
  }

  var choice: KernelChoice { KernelChoice(.matrix, blockRows, block) }
  var threads: Int { subgroups * units.subgroupSize }
  /// Rows of a workgroup.
  var blockRows: Int { subgroups * rows }

  /// Workgroups for `copies` (samples times heads) of `count` queries or keys.
  func groupCount(_ count: Int, copies: Int) -> Int { copies * ceilDivide(count, blockRows) }

  /// Bytes of shared memory.
  var sharedMemoryByteCount: Int {
    let headLine = width / 8 + 1
    let places = kernel == .keyGradient ? 2 : 1
    let own = rows * max(headLine, places * block / 8 + 1)
    let scratch = units.shape.operands == .f16 && !units.isEmulated ? 0 : 16 * 5
    let kept = units.isEmulated ? 2 * own : 0
    return 16
      * (2 * block * headLine + subgroups * (own + scratch + kept) + blockRows / 4 + block / 2)
  }

  /// - Parameter path: `attention/attention_matrix.comp` or one of its gradients
  func variant(_ path: String, q: DType, k: DType) -> ShaderVariant {
    var defines = units.defines
    for (name, value) in [
      "SUBGROUPS": subgroups, "ROWS": rows, "BLOCK": block, "WIDTH": width,
      "FRAGMENT_ROWS": rows / units.shape.m, "HEAD_COLUMNS": width / units.shape.n,
    ] {
      defines[name] = String(value)
    }
    defines["STORAGE_Q"] = q.storageMacro
    defines["STORAGE_K"] = k.storageMacro
    return ShaderVariant(
      path, defines: defines, constants: units.constants,
      subgroupSize: units.isEmulated ? nil : units.subgroupSize,
      requiresFullSubgroups: !units.isEmulated)
  }
}

extension DeviceTraits {
  /// The tile for attention in this storage; nil without matrix units that suit.
  func attentionTile(
    width: Int, storage: (q: DType, k: DType), _ kernel: AttentionMatrixTile.Kernel
  ) -> AttentionMatrixTile? {
    if isCPU { return nil }
    for tile in blockTiles
    where tile.suits((storage.q, storage.k), takesBrainAsHalf: takesBrainAsHalf) {
      guard case .matrix(let units) = tile.units,
        let found = AttentionMatrixTile.largest(
          units, width: width, kernel, sharedMemoryByteCount: sharedMemoryByteCount),
        found.threads <= maxGroupInvocations
      else { continue }
      return found
    }
    return nil
  }
}
