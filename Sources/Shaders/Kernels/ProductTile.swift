import Graph

/// How the launches behind products and convolutions cover a result: the tile, how the lanes stand,
/// and whether the sums are split (see `shaders/product/tile.glsl` and `staging.glsl`).
struct ProductTile {
  let choice: KernelChoice
  /// Base-2 logarithm of the lanes that stand side by side along the columns; 0 with blocks.
  let laneShift: Int
  /// Workgroups that share a sum, each taking `splitLength` of its terms; their partial sums are
  /// added by a second launch, in order.
  let splits: Int
  let splitLength: Int
  /// Operands that are laid out anew before; nil where they are read as they are.
  let panels: ProductPanels?
  /// What each launch computes.
  let parts: [ResultPart]
  /// Estimated time, in multiply-adds of a lane.
  let cost: Double
  private let problem: ProductProblem
  private let lanes: Int

  init(_ problem: ProductProblem, _ choice: KernelChoice, _ device: DeviceTraits) {
    self.problem = problem
    self.choice = choice
    lanes = device.subgroupSize
    let block = problem.block(choice, device)
    let traits = CostTraits(device)
    if let block, let processors = device.multiprocessors, case .matrix = block.units {
      let half = block.half(among: problem.blocks(device))
      let plan = WavePlan(problem, block, half: half, processors: processors)
      (laneShift, panels, splits, splitLength) = (0, nil, plan.splits, plan.splitLength)
      parts = plan.parts
      // In rounds of as many invocations as other tiles are counted in.
      let atOnce = Double(processors.count * processors.groupsAtOnce(block))
      cost = plan.waves * atOnce / traits.groupsAtOnce(threads: block.threads) * traits.cost(block)
      return
    }
    let best = Self.cover(problem, choice, block, traits, lanes: lanes)
    laneShift = best.laneShift
    panels =
      choice.code == .panels
      ? ProductPanels(problem, rows: choice.rows, columns: choice.columns << best.laneShift) : nil
    cost =
      best.cost * Self.costOfReading(problem, choice, traits) + Self.cost(panels, problem, traits)
    // A second launch has to pay, and so does reading the partial sums again.
    let multiplies = problem.copies * problem.m * problem.n * problem.depth
    let isWorthwhile = problem.canSplit && multiplies > traits.multipliesForLaunch
    let atOnce = traits.groupsAtOnce(threads: block?.threads ?? lanes)
    let wanted = isWorthwhile ? Int(atOnce) * 2 / best.groups : 1
    let most = max(1, min(wanted, problem.depth / 256))
    // Whole steps of every kernel: blocks take up to 64 terms at a time.
    (splits, splitLength) = problem.splits(most, step: block == nil ? 4 : 64)
    parts = [
      ResultPart(block: block, columns: 0..<problem.n, groupCount: best.groups * splits)
    ]
  }

  /// Whether k runs down the columns of a as it is stored.
  var isOfColumns: Bool { problem.form == 3 }

  /// What reading operands as they lie costs, as a factor.
  private static func costOfReading(
    _ problem: ProductProblem, _ choice: KernelChoice, _ traits: CostTraits
  ) -> Double {
    guard choice.code != .panels && (problem.form == 2 || problem.form == 3) else { return 1 }
    let longest = max(
      problem.n * problem.storage.b.byteCount,
      problem.form == 3 ? problem.m * problem.storage.a.byteCount : 0)
    return traits.costOfRows(byteCount: longest)
  }

  /// What laying operands out costs, for a term of the sums.
  private static func cost(
    _ panels: ProductPanels?, _ problem: ProductProblem, _ traits: CostTraits
  ) -> Double {
    guard let panels else { return 0 }
    return traits.costOfPanels(
      elements: panels.elementCount / max(problem.depth, 1), depth: problem.depth,
      launches: panels.a == nil ? 1 : 2)
  }

  /// The cheapest way for lanes to stand, and the workgroups for one split.
  private static func cover(
    _ problem: ProductProblem, _ choice: KernelChoice, _ block: BlockTile?, _ traits: CostTraits,
    lanes: Int
  ) -> (cost: Double, laneShift: Int, groups: Int) {
    func cost(_ groups: Int, atOnce: Double, _ one: Double) -> Double {
      let rounds = Double(groups) / atOnce
      return (problem.canSplit ? max(rounds, 1) : rounds.rounded(.up)) * one
    }
    if let block {
      let groups = block.groupCount(m: problem.m, n: problem.n, copies: problem.copies)
      let atOnce = traits.groupsAtOnce(threads: block.threads)
      return (cost(groups, atOnce: atOnce, traits.cost(block)), 0, groups)
    }
    let fullShift = lanes.trailingZeroBitCount
    var best = (cost: Double.infinity, laneShift: 0, groups: 1)
    for laneShift in (choice.code == .register ? 0 : fullShift)...fullShift {
      let rows = choice.code == .register ? choice.rows * (lanes >> laneShift) : choice.rows
      let columns = choice.columns << laneShift
      let groups = problem.copies * ceilDivide(problem.m, rows) * ceilDivide(problem.n, columns)
      // Where all else is equal a square block reads least.
      let one = traits.cost(choice, lanes: lanes) + 0.01 * Double(rows + columns)
      let total = cost(groups, atOnce: traits.groupsAtOnce(threads: lanes), one)
      if total < best.cost { best = (total, laneShift, groups) }
    }
    return best
  }

  /// The shader with the macros and constants of its code.
  ///
  /// - Parameters:
  ///   - part: one of the tile's
  ///   - storage: of a, b, y, bias (or row sums) and residual by the names of their macros
  ///   - sumsRows: sums of a's rows are wanted, from a kernel that has them
  func variant(
    _ part: ResultPart, storage: [String: DType], activation: Activation? = nil,
    sumsRows: Bool = false
  ) -> ShaderVariant {
    if let block = part.block {
      let contiguous = problem.contiguous + (splits > 1 ? [splitLength] : [])
      let vector = BlockTile.vector(form: problem.form, contiguous: contiguous)
      let isWhole = block.isWhole(
        form: problem.form, vector: vector, run: problem.run ?? problem.depth, splits: splits,
        splitLength: splitLength)
      return block.variant(
        problem.shader + "_shared.comp", form: problem.form, vector: vector, isWhole: isWhole,
        storage: storage, activation: activation)
    }
    var defines = [
      "FORM": String(problem.form), "ROWS": String(choice.rows),
      "COLUMNS": String(choice.columns), "ACTIVATION": activation.macro,
    ]
    if choice.code.usesBroadcasts { defines["LANES"] = String(lanes) }
    if choice.code == .panels { defines["PANELS"] = "1" }
    if sumsRows && self.sumsRows { defines["ROW_SUMS"] = "1" }
    for name in ["A", "B", "Y", "BIAS", "RESIDUAL"] {
      defines["STORAGE_" + name] = (storage[name] ?? .f32).storageMacro
    }
    return ShaderVariant(
      problem.shader + ".comp", defines: defines, constants: [0: UInt32(lanes)],
      subgroupSize: choice.code.usesBroadcasts ? lanes : nil)
  }
}

extension ProductTile {
  /// A launch for each part, which may overlap.
  func launches(_ make: (ResultPart) -> Launch) -> [Launch] {
    parts.enumerated().map { index, part in
      var launch = make(part)
      launch.waits = index == 0
      return launch
    }
  }
}
