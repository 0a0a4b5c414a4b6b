import Graph
import Testing

/// Offline storage: what lives at one time has bytes of its own, inside an arena.
@Suite struct StorageLayoutTests {
  @Test(arguments: 0..<40)
  func blocksAreApart(_ seed: Int) {
    var random = SplitMix(seed: UInt64(seed))
    let arena = [1 << 30, 4096, 10_000][seed % 3]
    let blocks = (0..<Int.random(in: 1...90, using: &random)).map { _ in
      let first = Int.random(in: 0..<50, using: &random)
      return StorageBlock(
        byteCount: Int.random(in: 1...16, using: &random) * 256, first: first,
        last: first + Int.random(in: 0..<12, using: &random))
    }
    let layout = StorageLayout(blocks, arenaByteCount: arena)
    for (i, a) in blocks.enumerated() {
      let (start, end) = (layout.offsets[i], layout.offsets[i] + a.byteCount)
      #expect(start >= 0 && end <= layout.byteCount)
      #expect(start / arena == (end - 1) / arena, "a block crosses the end of an arena")
      for (j, b) in blocks.enumerated().dropFirst(i + 1)
      where a.first <= b.last && b.first <= a.last {
        let isApart = end <= layout.offsets[j] || layout.offsets[j] + b.byteCount <= start
        #expect(isApart, "blocks \(i) and \(j) share bytes")
      }
    }
    let most = (0..<64).map { time in
      blocks.filter { $0.first <= time && time <= $0.last }.reduce(0) { $0 + $1.byteCount }
    }.max()
    #expect(layout.lowerBound == most)
    #expect(layout.byteCount >= layout.lowerBound)
  }

  /// A network's pattern, forward results kept for the backward pass, has a perfect layout.
  @Test func nestedLifetimesFitTheBound() {
    let blocks = (0..<30).map {
      StorageBlock(byteCount: 256 * (1 + $0 * 7 % 5), first: $0, last: 59 - $0)
    }
    let layout = StorageLayout(blocks, arenaByteCount: 1 << 30)
    #expect(layout.byteCount == layout.lowerBound)
  }

  @Test func equalBlocksInTurnShareOnePlace() {
    let blocks = (0..<10).map { StorageBlock(byteCount: 512, first: 2 * $0, last: 2 * $0 + 1) }
    let layout = StorageLayout(blocks, arenaByteCount: 1 << 20)
    #expect(layout.byteCount == 512 && layout.offsets.allSatisfy { $0 == 0 })
  }

  @Test func nothingNeedsNothing() {
    #expect(StorageLayout([], arenaByteCount: 1024).byteCount == 0)
  }
}

/// Vigna's splitmix64: the same numbers in every run.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
