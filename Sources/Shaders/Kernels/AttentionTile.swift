import Graph

/// How a workgroup of a GPU covers attention through shared memory: see
/// `shaders/attention/attention_shared.glsl`.
struct AttentionTile: Hashable, Sendable {
  /// Invocations of a workgroup, a multiple of 8.
  var threads: Int
  /// Queries, or keys for their gradients, of eight invocations side by side.
  var rows: Int
  /// Lines of the other side in a block, in eighths.
  var others: Int

  /// The one that leaves RDNA2 and RDNA3 four subgroups a SIMD at a width of 64; wider heads get half
  /// the rows, because sums as wide as a head are kept in registers.
  static func standard(width: Int) -> AttentionTile {
    AttentionTile(threads: 128, rows: width <= 64 ? 4 : 2, others: 4)
  }

  /// Rows of a workgroup.
  var blockRows: Int { threads / 8 * rows }

  /// Workgroups for `copies` (samples times heads) of `count` queries or keys.
  func groupCount(_ count: Int, copies: Int) -> Int { copies * ceilDivide(count, blockRows) }

  /// Widths of a head for which sums fit into registers.
  static func canTake(width: Int) -> Bool { width % 32 == 0 && width <= 128 }

  /// Bytes of shared memory, the most that one of the kernels needs.
  func sharedMemoryByteCount(width: Int, storageByteCount: Int) -> Int {
    let lines = 2 * (blockRows + 8 * others)
    return lines * (width + 4) * storageByteCount + blockRows * 16 * (2 * others + 1)
  }

  /// - Parameter path: `attention/attention_shared.comp` or one of its gradients
  func variant(_ path: String, width: Int, q: DType, k: DType) -> ShaderVariant {
    ShaderVariant(
      path,
      defines: [
        "THREADS": String(threads), "ROWS": String(rows), "OTHERS": String(others),
        "WIDTH": String(width), "STORAGE_Q": q.storageMacro, "STORAGE_K": k.storageMacro,
      ])
  }
}
