import Graph

/// A result of M rows and N columns, each element a sum of `depth` terms: what products and
/// convolutions have in common, and what their kernel is chosen by.
struct ProductProblem {
  /// The shader below `shaders/`, without `.comp`.
  let shader: String
  /// How a and b are read, see `shaders/product/tile.glsl`; 0 where sizes fit no quads.
  let form: Int
  let m: Int
  let n: Int
  let depth: Int
  /// Results of this size (batch, taps of a kernel).
  var copies = 1
  /// The kernel knows how to split its sums.
  var canSplit = true
  /// Storage of a and b.
  let storage: (a: DType, b: DType)

  func tile(_ device: DeviceTraits) -> ProductTile {
    ProductTile(self, device.choices.choice(selection(device)), device)
  }

  /// Candidates by estimated cost.
  func selection(_ device: DeviceTraits) -> KernelSelection {
    let sizes = [copies, m, n, depth].map { String(sizeClass($0)) }.joined(separator: "x")
    let key = "\(shader) form\(form) \(storage.a) \(storage.b) \(sizes)"
    let candidates = CostTraits(device).choices(form: form)
      .map { ($0, ProductTile(self, $0, device).cost) }.sorted { $0.1 < $1.1 }
    return KernelSelection(key: key, candidates: candidates.map(\.0))
  }
}

/// How the launches behind products and convolutions cover a result: the tile, how the lanes stand,
/// and whether the sums are split (see `shaders/product/tile.glsl`).
struct ProductTile {
  let choice: KernelChoice
  /// Base-2 logarithm of the lanes that stand side by side along the columns.
  let laneShift: Int
  /// Workgroups that share a sum, each taking `splitLength` of its terms; their partial sums are
  /// added by a second launch, in order.
  let splits: Int
  let splitLength: Int
  /// Workgroups for all results and splits.
  let groupCount: Int
  /// Estimated time, in multiply-adds of a lane.
  let cost: Double
  private let problem: ProductProblem
  private let lanes: Int

  init(_ problem: ProductProblem, _ choice: KernelChoice, _ device: DeviceTraits) {
    self.problem = problem
    self.choice = choice
    lanes = device.subgroupSize
    let traits = CostTraits(device)
    let fullShift = lanes.trailingZeroBitCount
    var best = (cost: Double.infinity, laneShift: 0, groups: 1)
    for laneShift in (choice.code == .register ? 0 : fullShift)...fullShift {
      let (blockRows, blockColumns) = (
        choice.code == .register ? choice.rows * (lanes >> laneShift) : choice.rows,
        choice.columns << laneShift
      )
      let groups =
        problem.copies * ceilDivide(problem.m, blockRows) * ceilDivide(problem.n, blockColumns)
      let rounds = Double(groups) / traits.groupsAtOnce
      // Where all else is equal a square block reads least.
      let cost =
        (problem.canSplit ? max(rounds, 1) : rounds.rounded(.up))
        * (traits.cost(choice, lanes: lanes) + 0.01 * Double(blockRows + blockColumns))
      if cost < best.cost { best = (cost, laneShift, groups) }
    }
    (cost, laneShift) = (best.cost, best.laneShift)
    // A second launch has to pay, and so does reading the partial sums again.
    let multiplies = problem.copies * problem.m * problem.n * problem.depth
    let isWorthwhile = problem.canSplit && multiplies > traits.multipliesForLaunch
    let wanted = isWorthwhile ? Int(traits.groupsAtOnce) * 2 / best.groups : 1
    let most = max(1, min(wanted, problem.depth / 256))
    splitLength = max(ceilDivide(ceilDivide(problem.depth, most), 4) * 4, 4)
    splits = max(ceilDivide(problem.depth, splitLength), 1)
    groupCount = best.groups * splits
  }

  /// The shader with the macros and constants of every kernel that includes `tile.glsl`.
  ///
  /// - Parameter storage: of a, b, y, bias and residual by the names of their macros
  func variant(storage: [String: DType], activation: Activation? = nil) -> ShaderVariant {
    var defines = [
      "FORM": String(problem.form), "ROWS": String(choice.rows),
      "COLUMNS": String(choice.columns), "ACTIVATION": activation.macro,
    ]
    if choice.code == .subgroup { defines["LANES"] = String(lanes) }
    for name in ["A", "B", "Y", "BIAS", "RESIDUAL"] {
      defines["STORAGE_" + name] = (storage[name] ?? .f32).storageMacro
    }
    return ShaderVariant(
      problem.shader + ".comp", defines: defines, constants: [0: UInt32(lanes)],
      subgroupSize: choice.code == .subgroup ? lanes : nil)
  }
}
