import Graph

/// Which of several kernels computes a piece of work, and in what tiles.
public struct KernelChoice: Hashable, Sendable, CustomStringConvertible {
  /// How a kernel shares work and loads among lanes.
  public enum Code: String, CaseIterable, Sendable {
    /// Every lane loads all it needs into registers: runs anywhere, for sizes that fit no quads too.
    case register
    /// The lanes of a subgroup share rows by broadcasts: CPUs where those are cheap.
    case subgroup
    /// As `subgroup`, on operands that are first laid out in panels, so that what a workgroup reads is
    /// contiguous: long rows would be a page and a cache set each.
    case panels
    /// The invocations of a workgroup share both operands through shared memory: GPUs.
    case shared
    /// As `shared`, multiplied by matrix units (cooperative matrices).
    case matrix
    /// As `matrix`, with loads among the multiplications where the compiler likes.
    case unpinned

    /// Whether matrix units multiply.
    var usesMatrixUnits: Bool { self == .matrix || self == .unpinned }

    /// Whether the lanes of a subgroup hand values round.
    var usesBroadcasts: Bool { self == .subgroup || self == .panels }
  }

  public var code: Code
  /// Rows and columns of the tile that the code works in; what owns it (a lane, a subgroup, a
  /// workgroup) is up to the code.
  public var rows: Int
  public var columns: Int

  public init(_ code: Code, _ rows: Int, _ columns: Int) {
    self.code = code
    self.rows = rows
    self.columns = columns
  }

  /// For example `subgroup 16x4`.
  public var description: String { "\(code.rawValue) \(rows)x\(columns)" }

  /// The inverse of `description`.
  public init?(_ description: String) {
    let parts = description.split(separator: " ")
    guard parts.count == 2, let code = Code(rawValue: String(parts[0])) else { return nil }
    let sizes = parts[1].split(separator: "x").compactMap { Int($0) }
    guard sizes.count == 2 else { return nil }
    self.init(code, sizes[0], sizes[1])
  }
}

/// What there is to choose from for one use of an operation: `ProductProblem.selection` lists it for
/// products and convolutions, `AttentionShape.selection` for attention. Norms and optimizers choose in
/// their `launches`.
public struct KernelSelection: Sendable {
  /// Names the operation, storage and shape class; uses with equal keys share a choice.
  public var key: String
  /// The best guess first; never empty.
  public var candidates: [KernelChoice]
}

/// An operation with several kernels.
public protocol SelectableOperation: VulkanOperation {
  /// The candidates for these shapes; nil where there is one kernel only.
  func selection(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> KernelSelection?
}

/// A size up to the next power of two: sizes of one class share a choice.
func sizeClass(_ size: Int) -> Int {
  size <= 1 ? 1 : 1 << (Int.bitWidth - (size - 1).leadingZeroBitCount)
}
