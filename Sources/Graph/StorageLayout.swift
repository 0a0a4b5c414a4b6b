/// A stretch of memory that is needed from one launch to another, both included.
public struct StorageBlock: Hashable, Sendable {
  /// Size in bytes.
  public var byteCount: Int
  /// The first step that needs it.
  public var first: Int
  /// The last step that needs it.
  public var last: Int

  public init(byteCount: Int, first: Int, last: Int) {
    self.byteCount = byteCount
    self.first = first
    self.last = last
  }
}

/// Offsets for blocks with known lifetimes, found before anything runs.
///
/// Dynamic storage allocation is NP-hard; placing each block at the best-fitting gap, largest
/// first, comes within a few percent of the bound for networks (Pisarchyk and Lee 2020,
/// arXiv 2001.03288, "greedy by size"). Several orders are tried and the smallest result kept.
public struct StorageLayout: Sendable {
  /// Byte offset of each block, in the order given.
  public let offsets: [Int]
  /// Highest byte used.
  public let byteCount: Int
  /// Most bytes that are needed at one time: no layout can be smaller.
  public let lowerBound: Int

  init(offsets: [Int], byteCount: Int, lowerBound: Int) {
    self.offsets = offsets
    self.byteCount = byteCount
    self.lowerBound = lowerBound
  }

  /// - Parameter arenaByteCount: no block may cross a multiple of this.
  public init(_ blocks: [StorageBlock], arenaByteCount: Int) {
    let bound = Self.lowerBound(blocks)
    var best: (offsets: [Int], byteCount: Int)?
    for order in Self.orders(blocks) {
      let result = Self.place(blocks, in: order, arenaByteCount: arenaByteCount)
      if result.byteCount < best?.byteCount ?? .max { best = result }
      if best?.byteCount == bound { break }
    }
    self.init(offsets: best?.offsets ?? [], byteCount: best?.byteCount ?? 0, lowerBound: bound)
  }

  static func lowerBound(_ blocks: [StorageBlock]) -> Int {
    guard let end = blocks.map(\.last).max() else { return 0 }
    var changes = [Int](repeating: 0, count: end + 2)
    for block in blocks {
      changes[block.first] += block.byteCount
      changes[block.last + 1] -= block.byteCount
    }
    var live = 0
    return changes.reduce(0) { most, change in
      live += change
      return max(most, live)
    }
  }

  private static func orders(_ blocks: [StorageBlock]) -> [[Int]] {
    let length = { (i: Int) in blocks[i].last - blocks[i].first + 1 }
    let keys: [(Int) -> (Int, Int)] = [
      { (blocks[$0].byteCount, length($0)) },
      { (length($0), blocks[$0].byteCount) },
      { (blocks[$0].byteCount * length($0), blocks[$0].byteCount) },
      { (-blocks[$0].first, blocks[$0].byteCount) },
    ]
    return keys.map { key in
      let ranks = blocks.indices.map(key)
      // Decreasing key; ties by position, so that a plan is the same every time.
      return blocks.indices.sorted { ranks[$0] == ranks[$1] ? $0 < $1 : ranks[$0] > ranks[$1] }
    }
  }

  /// A block that has its place.
  private struct Occupied {
    var start: Int
    var end: Int
    var first: Int
    var last: Int
  }

  private static func place(
    _ blocks: [StorageBlock], in order: [Int], arenaByteCount: Int
  ) -> (offsets: [Int], byteCount: Int) {
    var offsets = [Int](repeating: 0, count: blocks.count)
    var occupied: [Occupied] = []  // by start
    occupied.reserveCapacity(blocks.count)
    var highest = 0
    for index in order {
      let block = blocks[index]
      let offset = occupied.withUnsafeBufferPointer {
        bestFit(block, among: $0, arenaByteCount)
      }
      let end = offset + block.byteCount
      offsets[index] = offset
      highest = max(highest, end)
      occupied.insert(
        Occupied(start: offset, end: end, first: block.first, last: block.last),
        at: firstPosition(above: offset, in: occupied))
    }
    return (offsets, highest)
  }

  /// The start of the smallest gap that holds the block, or the end of all that live with it.
  private static func bestFit(
    _ block: StorageBlock, among occupied: UnsafeBufferPointer<Occupied>, _ arenaByteCount: Int
  ) -> Int {
    var best: (offset: Int, waste: Int)?
    var free = 0  // end of the blocks seen so far that live at the same time
    for other in occupied where other.first <= block.last && block.first <= other.last {
      if other.start - free >= block.byteCount {
        let start = fit(block.byteCount, at: free, arenaByteCount)
        let gap = other.start - start
        if gap >= block.byteCount, gap - block.byteCount < best?.waste ?? .max {
          best = (start, gap - block.byteCount)
        }
      }
      free = max(free, other.end)
    }
    return best?.offset ?? fit(block.byteCount, at: free, arenaByteCount)
  }

  /// Number of occupied blocks that start at an offset or below.
  private static func firstPosition(above offset: Int, in occupied: [Occupied]) -> Int {
    var (low, high) = (0, occupied.count)
    while low < high {
      let middle = (low + high) / 2
      if occupied[middle].start > offset { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// The first offset from `offset` on at which the block does not cross an arena's end.
  private static func fit(_ byteCount: Int, at offset: Int, _ arenaByteCount: Int) -> Int {
    let inArena = offset % arenaByteCount
    return inArena + byteCount <= arenaByteCount ? offset : offset - inArena + arenaByteCount
  }
}
