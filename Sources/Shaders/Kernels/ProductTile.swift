import Graph

/// How the launches behind products and convolutions cover a result: the size of the register tile,
/// how the lanes stand, and whether the sums are split (see `shaders/product/tile.glsl`).
struct ProductTile: Hashable {
  /// Rows and columns of an invocation's tile, which is square.
  let side: Int
  /// Base-2 logarithm of the lanes that stand side by side along the columns.
  let laneShift: Int
  /// Workgroups that share a sum, each taking `splitLength` of its terms; their partial sums are
  /// added by a second launch, in order.
  let splits: Int
  let splitLength: Int
  /// Workgroups for all results and splits.
  let groupCount: Int
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
    var best = (cost: Double.infinity, side: 4, laneShift: 0, groups: 1)
    for side in traits.tileSides {
      for laneShift in 0...lanes.trailingZeroBitCount {
        let (blockRows, blockColumns) = (side * (lanes >> laneShift), side << laneShift)
        let groups = copies * ceilDivide(m, blockRows) * ceilDivide(n, blockColumns)
        let rounds = Double(groups) / traits.groupsAtOnce
        // Where all else is equal a square block reads least.
        let cost =
          (canSplit ? max(rounds, 1) : rounds.rounded(.up))
          * (traits.cost(multiplies: side * side, loads: 2 * side)
            + 0.01 * Double(blockRows + blockColumns))
        if cost < best.cost { best = (cost, side, laneShift, groups) }
      }
    }
    (side, laneShift) = (best.side, best.laneShift)
    // A second launch has to pay, and so does reading the partial sums again.
    let isWorthwhile = canSplit && copies * m * n * depth > traits.multipliesForLaunch
    let wanted = isWorthwhile ? Int(traits.groupsAtOnce) * 2 / best.groups : 1
    let most = max(1, min(wanted, depth / 256))
    splitLength = max(ceilDivide(ceilDivide(depth, most), 4) * 4, 4)
    splits = max(ceilDivide(depth, splitLength), 1)
    groupCount = best.groups * splits
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
      "FORM": String(form), "ROWS": String(side), "COLUMNS": String(side),
      "ACTIVATION": activation.macro,
    ]
    for name in ["A", "B", "Y", "BIAS", "RESIDUAL"] {
      defines["STORAGE_" + name] = (storage[name] ?? .f32).storageMacro
    }
    return ShaderVariant(path, defines: defines, constants: [0: UInt32(lanes)])
  }
}

/// What the choice of a tile weighs, in units of one multiply-add of a lane.
///
/// On a CPU a load is a loop over the lanes (Mesa 22.3) or a gather (25.0) and takes as long as
/// several multiply-adds, so large tiles win, and spilling them costs nothing. On a GPU a tile has
/// to fit into registers.
struct CostTraits {
  /// Sides of the tiles that the device runs well, each a pipeline to compile.
  let tileSides: [Int]
  /// Workgroups that run side by side, or nearly so.
  let groupsAtOnce: Double
  /// Multiply-adds that take as long as a launch and its barrier.
  let multipliesForLaunch: Int
  private let loadCost: Double

  init(_ device: DeviceTraits) {
    tileSides = device.isCPU ? [16, 8, 4] : [8, 4]
    groupsAtOnce = device.isCPU ? 4 : 256
    multipliesForLaunch = device.isCPU ? 2_000_000 : 20_000_000
    loadCost = device.isCPU ? 6 : 4
  }

  func cost(multiplies: Int, loads: Int) -> Double {
    Double(multiplies) + loadCost * Double(loads)
  }
}

func ceilDivide(_ a: Int, _ b: Int) -> Int { (a + b - 1) / b }
