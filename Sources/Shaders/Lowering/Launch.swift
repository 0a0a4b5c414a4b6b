import CKernelParameters
import VKRuntime

/// Which code a launch runs: a shader, the macros it is compiled with and its specialization.
///
/// Equal variants share one pipeline. Shapes are parameters, not variants, so there are few.
public struct ShaderVariant: Hashable, Sendable {
  /// Path below `shaders/`.
  public var path: String
  /// Preprocessor macros, for example `STORAGE_X` (see `shaders/common/storage.glsl`).
  public var defines: [String: String]
  /// Specialization constants by id; Bool as 0 or 1, Float by its bits.
  public var constants: [UInt32: UInt32]
  /// Subgroup size that the code was written for; nil takes the device's own.
  public var subgroupSize: Int?
  /// Every subgroup must be full, for code that counts on its lanes.
  public var requiresFullSubgroups: Bool

  public init(
    _ path: String, defines: [String: String] = [:], constants: [UInt32: UInt32] = [:],
    subgroupSize: Int? = nil, requiresFullSubgroups: Bool = false
  ) {
    self.path = path
    self.defines = defines
    self.constants = constants
    self.subgroupSize = subgroupSize
    self.requiresFullSubgroups = requiresFullSubgroups
  }
}

/// One kernel launch, as recorded.
public struct Launch: Sendable {
  public var shader: ShaderVariant
  /// Workgroups in x, y, z; each at most 65,535.
  public var groups: (x: Int, y: Int, z: Int)
  /// The kernel's parameter struct: addresses, then 4-byte scalars, at most 128 bytes.
  public var parameters: [UInt8]
  /// What the kernel finds in its operation's workspace: written before the launch, in every run. Later
  /// launches of the operation see it too.
  public var table: WorkspaceTable?
  /// Whether it must see what the operation's launch before it wrote; if not, the two may overlap. True of
  /// an operation's first.
  public var waits = true

  /// - Parameter parameters: the struct declared for this kernel in `shaders/parameters`.
  public init<Parameters: BitwiseCopyable>(
    _ shader: ShaderVariant, groups: (x: Int, y: Int, z: Int), parameters: Parameters
  ) {
    precondition(MemoryLayout<Parameters>.size <= 128, "\(shader.path): parameters over 128 bytes")
    precondition(
      [groups.x, groups.y, groups.z].allSatisfy { 1...65_535 ~= $0 },
      "\(shader.path): \(groups) groups; fold them with foldedGroups")
    self.shader = shader
    self.groups = groups
    self.parameters = withUnsafeBytes(of: parameters) { Array($0) }
  }
}

/// Bytes that a recording writes to an operation's workspace: what is too long for launch parameters.
public struct WorkspaceTable: Sendable {
  /// Offset in the workspace, a multiple of 4.
  public var offset: Int
  /// A multiple of 4 of them.
  public var bytes: [UInt8]

  public init(offset: Int, bytes: [UInt8]) {
    self.offset = offset
    self.bytes = bytes
  }

  /// Writes it; a kernel sees it after a barrier.
  func write(to arena: Arena, workspace: UInt64, on stream: CommandStream) {
    bytes.withUnsafeBytes { stream.write($0, to: arena, offset: workspace + UInt64(offset)) }
  }
}

/// Workgroups for `count` units of work, folded into x and y because only 65,535 a dimension are
/// portable. The kernel finds its index as `y * gl_NumWorkGroups.x + x` and checks the bound.
public func foldedGroups(_ count: Int) -> (x: Int, y: Int, z: Int) {
  let count = max(count, 1)
  if count <= 65_535 { return (count, 1, 1) }
  let rows = (count + 65_534) / 65_535
  return ((count + rows - 1) / rows, rows, 1)
}
