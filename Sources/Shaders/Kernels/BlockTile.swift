import Graph
import VKRuntime

/// The block of a result that a workgroup computes through shared memory, for products and convolutions
/// on GPUs: see `shaders/product/staging.glsl`. All sizes are powers of two.
struct BlockTile: Hashable, Sendable {
  /// What multiplies.
  enum Units: Hashable, Sendable {
    /// Invocations, each with a tile of rows and columns in registers (multiples of 4).
    case registers(rows: Int, columns: Int)
    /// Matrix units of subgroups.
    case matrix(MatrixUnits)
  }

  /// How subgroups with matrix units share a block.
  struct MatrixUnits: Hashable, Sendable {
    /// Operands f16 or bf16, sums f32.
    var shape: MatrixShape
    var subgroupSize: Int
    /// Subgroups along the rows and the columns of a block.
    var subgroupRows: Int
    var subgroupColumns: Int
    /// Shared memory keeps k together in all forms: for devices that load fragments best by rows of
    /// k (RDNA3), not for those that turn them around while loading (NVIDIA).
    var isAlongK = false
    /// Computed by plain loops, to check what surrounds matrix units on devices without them.
    var isEmulated = false
  }

  var rows: Int
  var columns: Int
  /// Values of k in shared memory at a time.
  var depth: Int
  /// 1, or 2 for half the barriers at twice the shared memory.
  var stages: Int
  var units: Units
  /// With matrix units and one stage.
  var loads = Loads.first

  /// Where the loads of the next block stand.
  enum Loads: Int, Sendable {
    /// Before the multiplications.
    case first
    /// Among them, as the compiler likes.
    case spread
    /// Among them, where the kernel has them.
    case pinned
  }

  /// Invocations of a workgroup.
  var threads: Int {
    switch units {
    case .registers(let tileRows, let tileColumns): rows / tileRows * (columns / tileColumns)
    case .matrix(let matrix): matrix.subgroupSize * matrix.subgroupRows * matrix.subgroupColumns
    }
  }

  /// Workgroups for `copies` results (batch, taps, splits) of m x n.
  func groupCount(m: Int, n: Int, copies: Int) -> Int {
    copies * ceilDivide(m, rows) * ceilDivide(n, columns)
  }

  /// Elements that are loaded at once: 8 or 4 where all contiguous dimensions, and the length of a split
  /// where k is one of them, are multiples of it.
  static func vector(form: Int, contiguous: [Int]) -> Int {
    if form == 0 { return 1 }
    return contiguous.allSatisfy { $0 % 8 == 0 } ? 8 : 4
  }

  /// Whether every invocation has part in a block, the shared memory suffices, and subgroups can divide
  /// the block into fragments.
  func fits(form: Int, vector: Int, sharedMemoryByteCount: Int, maxThreads: Int) -> Bool {
    // Single loads take many registers, and sizes that need them are small.
    if form == 0, rows * columns > 64 * 32 { return false }
    let vectors = [form == 3 ? rows : depth, form >= 2 ? columns : depth].map { $0 / vector }
    guard threads <= maxThreads, vectors.allSatisfy({ $0 > 0 && threads % $0 == 0 }),
      self.sharedMemoryByteCount(form: form, vector: vector) <= sharedMemoryByteCount
    else { return false }
    guard case .matrix(let matrix) = units else { return true }
    return matrix.shape.m <= 16 && rows % (matrix.subgroupRows * matrix.shape.m) == 0
      && columns % (matrix.subgroupColumns * matrix.shape.n) == 0 && depth % matrix.shape.k == 0
  }

  /// Whether kernels may take every value of k of a block as inside: `depth` divides the values of k, or of a
  /// run of them, and of a split, and no invocation loads a line of k beyond the block's.
  ///
  /// - Parameter run: see `ProductProblem`
  func isWhole(form: Int, vector: Int, run: Int, splits: Int, splitLength: Int) -> Bool {
    let along = (form == 3 ? [rows] : []) + (form >= 2 ? [columns] : [])
    return run > 0 && run % depth == 0 && (splits == 1 || splitLength % depth == 0)
      && along.allSatisfy { threads * vector <= depth * $0 }
  }

  /// Bytes of shared memory of a workgroup.
  func sharedMemoryByteCount(form: Int, vector: Int) -> Int {
    var (aLines, aAlong) = form == 3 ? (depth, rows) : (rows, depth)
    var (bLines, bAlong) = form >= 2 ? (depth, columns) : (columns, depth)
    if case .matrix(let matrix) = units, matrix.isAlongK {
      (aLines, aAlong, bLines, bAlong) = (rows, depth, columns, depth)
    }
    switch units {
    case .registers:
      return stages * 4 * (aLines * (aAlong + 4) + bLines * (bAlong + 4))
    case .matrix(let matrix):
      let operands = stages * 2 * (aLines * (aAlong + 8) + bLines * (bAlong + 8))
      let subgroups = matrix.subgroupRows * matrix.subgroupColumns
      let results = subgroups * 16 * 4 * (columns / matrix.subgroupColumns + 4)
      return form == 0 ? operands + results : max(operands, results)
    }
  }

  /// Whether every step of the matrix units can have an equal share of the loads.
  private func isInterleaved(form: Int, vector: Int) -> Bool {
    guard loads != .first, stages == 1, case .matrix(let matrix) = units, !matrix.isAlongK else {
      return false
    }
    let blocks = [
      form == 3 ? (depth, rows) : (rows, depth), form >= 2 ? (depth, columns) : (columns, depth),
    ]
    let items = blocks.map { lines, along in ceilDivide(lines, threads / (along / vector)) }
    return items.allSatisfy { $0 % (depth / matrix.shape.k) == 0 }
  }

  /// The variant of a kernel that includes `product/block.glsl`.
  ///
  /// - Parameters:
  ///   - form: how a and b are read
  ///   - vector: elements that are loaded at once, see `vector(form:contiguous:)`
  ///   - isWhole: see `isWhole(form:vector:run:splits:splitLength:)`
  ///   - storage: of A, B, Y, BIAS and RESIDUAL; f32 where not given
  func variant(
    _ path: String, form: Int, vector: Int, isWhole: Bool, storage: [String: DType],
    activation: Activation? = nil
  ) -> ShaderVariant {
    var defines = [
      "FORM": form, "BLOCK_ROWS": rows, "BLOCK_COLUMNS": columns, "DEPTH": depth,
      "STAGES": stages, "THREADS": threads, "VECTOR": vector, "WHOLE": isWhole ? 1 : 0,
    ].mapValues { String($0) }
    defines["ACTIVATION"] = activation.macro
    for name in ["A", "B", "Y", "BIAS", "RESIDUAL"] {
      defines["STORAGE_" + name] = (storage[name] ?? .f32).storageMacro
    }
    switch units {
    case .registers(let tileRows, let tileColumns):
      defines["ROWS"] = String(tileRows)
      defines["COLUMNS"] = String(tileColumns)
      return ShaderVariant(path, defines: defines)
    case .matrix(let matrix):
      defines.merge(matrix.defines) { _, new in new }
      let loads = isInterleaved(form: form, vector: vector) ? loads : .first
      defines["LOADS"] = String(loads.rawValue)
      defines["FRAGMENT_ROWS"] = String(rows / matrix.subgroupRows / matrix.shape.m)
      defines["FRAGMENT_COLUMNS"] = String(columns / matrix.subgroupColumns / matrix.shape.n)
      return ShaderVariant(
        path, defines: defines,
        constants: matrix.constants,
        subgroupSize: matrix.isEmulated ? nil : matrix.subgroupSize,
        requiresFullSubgroups: !matrix.isEmulated)
    }
  }
}

extension BlockTile.MatrixUnits {
  /// Subgroups for a number of invocations, as square as can be.
  init(shape: MatrixShape, subgroupSize: Int, threads: Int, isAlongK: Bool = false) {
    let shift = max(threads / subgroupSize, 1).trailingZeroBitCount
    self.init(
      shape: shape, subgroupSize: subgroupSize, subgroupRows: 1 << (shift / 2),
      subgroupColumns: 1 << (shift - shift / 2), isAlongK: isAlongK)
  }

  /// Whether registers hold the sums and operands of large parts: of subgroups of 32 with products of
  /// 16x16x16, as NVIDIA has, but not of RDNA3, whose operands take twice as many.
  var hasLargeRegisters: Bool {
    [shape.m, shape.n, shape.k] == [16, 16, 16] && subgroupSize == 32 && !isAlongK
  }

  /// The shape as constants of `common/matrix.glsl`.
  var constants: [UInt32: UInt32] {
    isEmulated ? [:] : [1: UInt32(shape.m), 2: UInt32(shape.n), 3: UInt32(shape.k)]
  }

  var defines: [String: String] {
    var defines = [
      "MATRIX_TYPE": shape.operands == .bf16 ? 2 : 1, "SUBGROUP": subgroupSize,
      "SUBGROUP_ROWS": subgroupRows, "SUBGROUP_COLUMNS": subgroupColumns,
      "ALONG_K": isAlongK ? 1 : 0,
    ]
    if isEmulated {
      defines["MATRIX_EMULATED"] = 1
      defines["EMULATED_M"] = shape.m
      defines["EMULATED_N"] = shape.n
      defines["EMULATED_K"] = shape.k
    }
    return defines.mapValues { String($0) }
  }
}

extension BlockTile {
  /// Blocks worth trying without matrix units, large to small.
  static let registerTiles: [BlockTile] = [
    BlockTile(
      rows: 128, columns: 128, depth: 16, stages: 1, units: .registers(rows: 8, columns: 8)),
    BlockTile(rows: 64, columns: 64, depth: 16, stages: 2, units: .registers(rows: 8, columns: 4)),
    BlockTile(rows: 32, columns: 32, depth: 16, stages: 2, units: .registers(rows: 4, columns: 4)),
  ]

  /// Blocks worth trying with matrix units, large to small.
  ///
  /// The large ones are NVIDIA's: a subgroup's 64 x 64 sums are what its registers hold, and 64 values of
  /// k are 128 bytes, a line of its cache. Where a block has much to ask before each load (convolutions), the
  /// compiler sometimes places loads better.
  static func matrixTiles(
    _ shape: MatrixShape, subgroupSize: Int, isAlongK: Bool = false
  ) -> [BlockTile] {
    func units(_ threads: Int) -> MatrixUnits {
      MatrixUnits(shape: shape, subgroupSize: subgroupSize, threads: threads, isAlongK: isAlongK)
    }
    let small = BlockTile(rows: 32, columns: 32, depth: 32, stages: 2, units: .matrix(units(64)))
    if units(64).hasLargeRegisters {
      func large(_ rows: Int, _ columns: Int, _ loads: Loads = .pinned) -> BlockTile {
        BlockTile(
          rows: rows, columns: columns, depth: 64, stages: 1, units: .matrix(units(128)),
          loads: loads)
      }
      return [large(128, 128), large(128, 128, .spread), large(128, 64), large(64, 128)]
        + [large(64, 64), small]
    }
    return [(128, 128, 256, 1), (64, 64, 128, 2)].map { rows, columns, threads, stages in
      BlockTile(
        rows: rows, columns: columns, depth: 32, stages: stages, units: .matrix(units(threads)))
    } + [small]
  }
}
