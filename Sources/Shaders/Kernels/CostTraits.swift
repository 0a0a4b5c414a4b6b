/// What the choice of a tile weighs, in units of one multiply-add of a lane.
///
/// On a CPU a load is a loop over the lanes (Mesa 22.3) or a gather (25.0) and takes as long as
/// several multiply-adds, so large tiles win, and spilling them costs little. On a GPU a tile has
/// to fit into registers.
struct CostTraits {
  /// Workgroups of one subgroup that run side by side, or nearly so.
  let groupsAtOnce: Double
  /// Multiply-adds that take as long as a launch and its barrier.
  let multipliesForLaunch: Int
  private let device: DeviceTraits
  private let loadCost: Double

  init(_ device: DeviceTraits) {
    self.device = device
    groupsAtOnce = device.isCPU ? 4 : 256
    multipliesForLaunch = device.isCPU ? 2_000_000 : 20_000_000
    loadCost = device.isCPU ? 6 : 4
  }

  /// Workgroups of so many invocations that run side by side.
  func groupsAtOnce(threads: Int) -> Double {
    max(1, groupsAtOnce * Double(device.subgroupSize) / Double(threads))
  }

  /// Tiles that the device runs well, each a pipeline to compile. Where lanes hand rows round, larger tiles
  /// than these take up to eight times as long to compile and are never faster (lavapipe 25.0.7). GPUs have
  /// blocks for what is large, and of 8 x 8 sums some kernels spill (RADV of Mesa 22.3.6, gfx1100).
  func choices(form: Int) -> [KernelChoice] {
    let handsRound = device.isCPU && device.hasCheapBroadcast
    let sides = handsRound ? (form == 0 ? [8, 4] : [4]) : device.isCPU ? [16, 8, 4] : [4]
    let squares = sides.map { KernelChoice(.register, $0, $0) }
    guard handsRound && form != 0 else { return squares }
    let panels = form == 1 ? [] : [KernelChoice(.panels, 16, 4)]
    return [(16, 4), (8, 4)].map { KernelChoice(.subgroup, $0, $1) } + panels + squares
  }

  /// The cost of one term of all sums of a lane's tile.
  func cost(_ choice: KernelChoice, lanes: Int) -> Double {
    let (rows, columns) = (Double(choice.rows), Double(choice.columns))
    switch choice.code {
    case .register: return rows * columns + loadCost * (rows + columns)
    case .subgroup, .panels:
      // A load brings two values; those of a row serve all lanes, after a broadcast each.
      let loads = rows / Double(2 * lanes) + columns / 2
      return rows * columns + loadCost * loads + 0.7 * rows
    case .shared, .matrix, .unpinned:
      preconditionFailure("\(choice) is a block")
    }
  }

  /// The cost of one term of all sums of an invocation's part of a block.
  func cost(_ block: BlockTile) -> Double {
    let multiplies = Double(block.rows * block.columns) / Double(block.threads)
    let staging = loadCost * Double(block.rows + block.columns) / Double(block.threads)
    switch block.units {
    // Operands come out of shared memory, each for a row or a column of the tile.
    case .registers(let rows, let columns): return multiplies + staging + Double(rows + columns) / 2
    // Matrix units do at least eight times the work.
    case .matrix: return multiplies / 8 + staging
    }
  }

  /// How many times as long a product takes that walks down rows of so many bytes: each is a page, and
  /// they share few sets of a cache.
  func costOfRows(byteCount: Int) -> Double { device.isCPU && byteCount >= 1024 ? 1.3 : 1 }

  /// The cost of laying operands out in panels, for each of `depth` rows of so many elements.
  func costOfPanels(elements: Int, depth: Int, launches: Int) -> Double {
    0.8 * Double(elements) + 60_000 * Double(launches) / Double(depth)
  }

  /// The cost of a tile that is given by what it does.
  func cost(multiplies: Int, loads: Int) -> Double {
    Double(multiplies) + loadCost * Double(loads)
  }
}

func ceilDivide(_ a: Int, _ b: Int) -> Int { (a + b - 1) / b }
