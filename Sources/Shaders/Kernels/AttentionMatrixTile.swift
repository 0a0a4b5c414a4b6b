import Graph
import VKRuntime

/// How a workgroup of a GPU covers attention with matrix units: see
/// `shaders/attention/attention_matrix.glsl`.
struct AttentionMatrixTile: Hashable, Sendable {
  /// The kernels differ in what they keep in shared memory.
  enum Kernel: Sendable {
    case forward, gradient
  }

  /// Rows of a subgroup.
  private static let subgroupRows = 16

  /// The shape, whose `subgroupRows` and `subgroupColumns` do not count here.
  var units: BlockTile.MatrixUnits
  /// Subgroups of a workgroup.
  var subgroups: Int
  /// Lines of the other side in a block.
  var block: Int
  /// Width of a head.
  var width: Int
  var kernel: Kernel

  /// The largest that fits into shared memory: with 48 KiB, NVIDIA's limit, four subgroups for heads of
  /// 64. Nil where none does, or fragments do not divide a head.
  static func largest(
    _ units: BlockTile.MatrixUnits, width: Int, _ kernel: Kernel, sharedMemoryByteCount: Int
  ) -> AttentionMatrixTile? {
    let sizes = [(4, 64), (4, 32), (2, 32), (1, 32)]
    return sizes.lazy.map { subgroups, block in
      AttentionMatrixTile(
        units: units, subgroups: subgroups, block: block, width: width, kernel: kernel)
    }.first { $0.isWhole && $0.sharedMemoryByteCount <= sharedMemoryByteCount }
  }

  private var isWhole: Bool {
    let shape = units.shape
    // RDNA3 has too few registers for the gradients' sums of wider heads.
    if kernel == .gradient && width > 64 { return false }
    let isMultiple = [width, block].allSatisfy { $0 % shape.n == 0 && $0 % shape.k == 0 }
    return AttentionTile.canTake(width: width) && isMultiple && Self.subgroupRows % shape.m == 0
      && shape.n % 8 == 0 && shape.k % 8 == 0 && (width % block == 0 || width < block)
      && units.subgroupSize <= 64
  }

  var choice: KernelChoice { KernelChoice(.matrix, blockRows, block) }
  var threads: Int { subgroups * units.subgroupSize }
  /// Rows of a workgroup.
  var blockRows: Int { subgroups * Self.subgroupRows }

  /// Workgroups for `copies` (samples times heads) of `count` queries or keys.
  func groupCount(_ count: Int, copies: Int) -> Int { copies * ceilDivide(count, blockRows) }

  /// Bytes of shared memory.
  var sharedMemoryByteCount: Int {
    let sides = kernel == .forward ? 1 : 2
    let staged = (sides * blockRows + 2 * block) * (width / 8 + 1)
    let scores = sides * blockRows * (block / 4 + 1)
    let results = kernel == .forward ? threads * 4 + 16 : 0
    return 16 * (staged + scores) + results
  }

  /// - Parameter path: `attention/attention_matrix.comp` or one of its gradients
  func variant(_ path: String, q: DType, k: DType) -> ShaderVariant {
    var defines = units.defines
    for (name, value) in ["SUBGROUPS": subgroups, "BLOCK": block, "WIDTH": width] {
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
