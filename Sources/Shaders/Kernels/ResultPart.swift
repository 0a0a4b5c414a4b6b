import Graph

/// Columns of a result that one launch computes.
struct ResultPart: Equatable {
  /// nil for codes without blocks.
  let block: BlockTile?
  /// Of y; the kernel's `firstColumn` and `endColumn`.
  let columns: Range<Int>
  /// Workgroups, of all splits.
  let groupCount: Int
}

/// The multiprocessors of an NVIDIA GPU.
struct Multiprocessors: Sendable {
  var count: Int
  /// 32-bit registers of each, shared by the workgroups that it runs.
  var registerCount = 65_536

  /// Workgroups that one runs at once: its registers hold the sums of each invocation and about 112
  /// more, of 255 at most.
  func groupsAtOnce(_ block: BlockTile) -> Int {
    let registers = min(255, block.rows * block.columns / block.threads + 112)
    return max(1, registerCount / (block.threads * registers))
  }
}

/// How blocks on matrix units fill a GPU whose multiprocessors are counted: 320 blocks on 132 are three on
/// some and two on most, which then wait. So sums are split where there are too few blocks, and where
/// there are more than run at once the last columns may be left to blocks of half the width.
///
/// Times are those of an H200 (128 x 128 sums a block, 64 terms a step): a step takes 1.0 microseconds
/// alone on a multiprocessor and 1.7 beside another block.
struct WavePlan {
  let splits: Int
  let splitLength: Int
  let parts: [ResultPart]
  /// Time, in that of as many unsplit blocks as run at once.
  let waves: Double

  /// What a workgroup does beside its terms, and what a launch takes, in steps.
  private static let overhead = 4.0
  /// Bytes of partial sums that are written and read in the time of a step.
  private static let stepByteCount = 6_400_000.0
  /// Time of a block of half the width: two of them take longer than a whole one.
  private static let halfTime = 0.66
  /// What is lost when the last of the halves run alone.
  private static let raggedEnd = 0.15

  /// - Parameters:
  ///   - half: a block of half the width; nil leaves no columns to it
  init(
    _ problem: ProductProblem, _ block: BlockTile, half: BlockTile?, processors: Multiprocessors
  ) {
    let atOnce = processors.groupsAtOnce(block)
    let groups = block.groupCount(m: problem.m, n: problem.n, copies: problem.copies)
    let steps = Double(problem.depth) / 64
    func rounds(_ groups: Int) -> Double {
      let most = ceilDivide(groups, processors.count)
      let (full, rest) = most.quotientAndRemainder(dividingBy: atOnce)
      return Double(full) + (rest > 0 ? 0.2 + 0.8 * Double(rest) / Double(atOnce) : 0)
    }
    func time(_ splits: Int) -> Double {
      let all = rounds(groups * splits) * (steps / Double(splits) + Self.overhead)
      if splits == 1 { return all }
      let byteCount = 8 * splits * problem.copies * problem.m * problem.n
      return all + Self.overhead + Double(byteCount) / Self.stepByteCount
    }
    let most = problem.canSplit ? max(1, min(16, problem.depth / 256)) : 1
    let wanted = (1...most).min { time($0) < time($1) } ?? 1
    let (splits, splitLength) = problem.splits(wanted, step: 64)
    (self.splits, self.splitLength) = (splits, splitLength)
    let rows = ceilDivide(problem.m, block.rows) * problem.copies
    var best = (waves: time(splits) / (steps + Self.overhead), end: problem.n)
    if let half, splits == 1 {
      for end in stride(from: block.columns, to: problem.n, by: block.columns) {
        let whole = rows * (end / block.columns)
        let halves = rows * ceilDivide(problem.n - end, half.columns)
        let work = Double(whole) + Double(halves) * Self.halfTime
        let even = work / Double(processors.count * atOnce) + Self.raggedEnd
        let together = max(rounds(whole), even)
        if together < 0.97 * rounds(groups), together <= best.waves { best = (together, end) }
      }
    }
    waves = best.waves
    func part(_ block: BlockTile, _ columns: Range<Int>) -> ResultPart {
      ResultPart(
        block: block, columns: columns,
        groupCount: splits * rows * ceilDivide(columns.count, block.columns))
    }
    let rest = best.end..<problem.n
    parts =
      [part(block, 0..<best.end)] + (rest.isEmpty ? [] : half.map { [part($0, rest)] } ?? [])
  }
}

extension BlockTile {
  /// The block of half the columns among others, wherever its loads stand.
  func half(among tiles: [BlockTile]) -> BlockTile? {
    tiles.first {
      $0.rows == rows && $0.columns * 2 == columns && $0.depth == depth && $0.units == units
    }
  }
}
