import Graph

/// How the launches behind products and convolutions cover a result: the size of the register tile
/// and whether the sums are split (see `shaders/product/tile.glsl`).
struct ProductTile: Hashable {
  /// Rows and columns of an invocation's tile.
  let rows: Int
  let columns: Int
  /// Workgroups that share a sum, each taking `splitLength` of its terms; their partial sums are
  /// added by a second launch, in order.
  let splits: Int
  let splitLength: Int
  private let lanes: Int

  /// - Parameters:
  ///   - m: rows of the result
  ///   - n: columns of the result
  ///   - depth: terms of a sum
  ///   - copies: results of this size (batch, taps of a kernel)
  ///   - canSplit: the kernel knows how to split its sums
  init(m: Int, n: Int, depth: Int, copies: Int = 1, canSplit: Bool, device: DeviceTraits) {
    lanes = device.subgroupSize
    let traits = CostTraits(device)
    var best = (cost: Double.infinity, rows: 16, columns: 8)
    for (rows, columns) in [(16, 8), (16, 4), (4, 8), (4, 4)] {
      let groups = Double(copies * ceilDivide(m, rows) * ceilDivide(n, lanes * columns))
      let rounds = groups / traits.groupsAtOnce
      let cost =
        (canSplit ? max(rounds, 1) : rounds.rounded(.up))
        * traits.cost(multiplies: rows * columns, loads: rows + columns)
      if cost < best.cost { best = (cost, rows, columns) }
    }
    (rows, columns) = (best.rows, best.columns)
    let groups = copies * ceilDivide(m, rows) * ceilDivide(n, lanes * columns)
    // A second launch has to pay, and so does reading the partial sums again.
    let isWorthwhile = canSplit && copies * m * n * depth > traits.multipliesForLaunch
    let wanted = isWorthwhile ? Int(traits.groupsAtOnce) * 2 / groups : 1
    let most = max(1, min(wanted, depth / 256))
    splitLength = max(ceilDivide(ceilDivide(depth, most), 4) * 4, 4)
    splits = max(ceilDivide(depth, splitLength), 1)
  }

  /// Workgroups for `copies` results of m x n, without splits.
  func groupCount(m: Int, n: Int, copies: Int = 1) -> Int {
    ceilDivide(m, rows) * ceilDivide(n, lanes * columns) * copies
  }

  /// The macros and constants of every kernel that includes `tile.glsl`.
  ///
  /// - Parameters:
  ///   - form: how a and b are read, see `tile.glsl`
  ///   - storage: of a, b, y, bias and residual by the names of their macros
  func variant(
    _ path: String, form: Int, storage: [String: DType], activation: Activation? = nil
  ) -> ShaderVariant {
    var defines = [
      "FORM": String(form), "ROWS": String(rows), "COLUMNS": String(columns),
      "ACTIVATION": activation.macro, "HAS_RESIDUAL": storage["RESIDUAL"] == nil ? "false" : "true",
    ]
    for name in ["A", "B", "Y", "BIAS", "RESIDUAL"] {
      defines["STORAGE_" + name] = (storage[name] ?? .f32).storageMacro
    }
    return ShaderVariant(path, defines: defines, constants: [0: UInt32(lanes)])
  }
}

/// What the choice of a tile weighs, in units of one multiply-add of a lane.
///
/// On a CPU a load is a loop over the lanes: Mesa 22.3 spends about 35 cycles an element (70 for 64
/// bits) where a multiply-add takes 3. On a GPU loads of one row are shared by the lanes.
struct CostTraits {
  /// Workgroups that run side by side, or nearly so.
  let groupsAtOnce: Double
  /// Multiply-adds that take as long as a launch and its barrier.
  let multipliesForLaunch: Int
  private let loadCost: Double

  init(_ device: DeviceTraits) {
    groupsAtOnce = device.isCPU ? 4 : 256
    multipliesForLaunch = device.isCPU ? 2_000_000 : 20_000_000
    loadCost = device.isCPU ? 12 : 4
  }

  func cost(multiplies: Int, loads: Int) -> Double {
    Double(multiplies) + loadCost * Double(loads)
  }
}

func ceilDivide(_ a: Int, _ b: Int) -> Int { (a + b - 1) / b }
