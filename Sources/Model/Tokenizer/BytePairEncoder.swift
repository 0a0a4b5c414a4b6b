/// Byte-pair encoding with CLIP's merges.
///
/// A piece of text starts as one symbol for each byte, the last one marked as the end of a word;
/// then, of all neighbours that a merge joins, the one of lowest rank (leftmost among equals) is
/// joined, until none is left.
///
/// Ids: 0 to 255 are the bytes in `byteOrder`, 256 to 511 the same at the end of a word, then one
/// for each merge.
///
/// - Source: Sennrich et al., arXiv 1508.07909; openai/CLIP, `clip/simple_tokenizer.py`
struct BytePairEncoder: Sendable {
  /// Rank of a merge by the ids that it joins, see `pairKey`; it gives id `512 + rank`.
  private let ranks: [UInt64: Int32]
  /// Id of each byte within a word.
  private let byteIDs: [Int32]

  static let shared = BytePairEncoder(table: embeddedTables["clip_merges.txt"] ?? "")

  /// - Parameter table: merges one a line, two symbols each, after the line `merges:`
  init(table: String) {
    let newline = UInt8(ascii: "\n")
    let lines = table.utf8.split(separator: newline).map { Substring($0) }
    let merges = lines.drop { $0 != "merges:" }.dropFirst()
    let symbols = Self.byteOrder.map { String(Self.symbol(of: $0)) }
    var ids: [Substring: Int32] = [:]
    ids.reserveCapacity(merges.count + 512)
    for (index, symbol) in symbols.enumerated() {
      ids[Substring(symbol)] = Int32(index)
      ids[Substring(symbol + "</w>")] = Int32(index + 256)
    }
    var ranks: [UInt64: Int32] = [:]
    ranks.reserveCapacity(merges.count)
    for (rank, merge) in merges.enumerated() {
      let parts = merge.utf8.split(separator: UInt8(ascii: " ")).map { Substring($0) }
      guard parts.count == 2, let left = ids[parts[0]], let right = ids[parts[1]] else {
        preconditionFailure("the embedded table of merges is damaged at rank \(rank)")
      }
      ranks[Self.pairKey(left, right)] = Int32(rank)
      ids[parts[0] + parts[1]] = Int32(512 + rank)
    }
    self.ranks = ranks
    var byteIDs = [Int32](repeating: 0, count: 256)
    for (index, byte) in Self.byteOrder.enumerated() { byteIDs[Int(byte)] = Int32(index) }
    self.byteIDs = byteIDs
  }

  /// The ids of one piece of text.
  func ids(of piece: some Collection<UInt8>) -> [Int] {
    var symbols = piece.map { byteIDs[Int($0)] }
    guard let last = symbols.indices.last else { return [] }
    symbols[last] += 256
    // A linked list over positions; a position that was joined to its left holds -1.
    var next = Array(1...symbols.count)
    var previous = Array(-1..<symbols.count - 1)
    var queue = MinimumHeap()
    func offer(_ left: Int, _ right: Int) {
      guard let rank = ranks[Self.pairKey(symbols[left], symbols[right])] else { return }
      queue.insert(UInt64(rank) << 32 | UInt64(left))
    }
    for index in symbols.indices.dropLast() { offer(index, index + 1) }
    while let candidate = queue.removeMinimum() {
      let rank = Int32(candidate >> 32)
      let left = Int(candidate & 0xFFFF_FFFF)
      let right = next[left]
      // Stale when either side has been joined to something else since.
      guard symbols[left] >= 0, right <= last,
        ranks[Self.pairKey(symbols[left], symbols[right])] == rank
      else { continue }
      symbols[left] = 512 + rank
      symbols[right] = -1
      next[left] = next[right]
      if next[left] <= last {
        previous[next[left]] = left
        offer(left, next[left])
      }
      if previous[left] >= 0 { offer(previous[left], left) }
    }
    return symbols.filter { $0 >= 0 }.map(Int.init)
  }

  private static func pairKey(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  /// Bytes in the order of their ids: those that print as themselves first.
  private static let byteOrder: [UInt8] = {
    let printable = Array(UInt8(0x21)...0x7E) + Array(0xA1...0xAC) + Array(0xAE...0xFF)
    return printable + (UInt8.min...UInt8.max).filter { !printable.contains($0) }
  }()

  /// The character that stands for a byte in the table: itself, or one from U+0100 on.
  private static func symbol(of byte: UInt8) -> Character {
    let index = byteOrder.firstIndex(of: byte) ?? 0
    let printableCount = 188
    let value = index < printableCount ? UInt32(byte) : 0x100 + UInt32(index - printableCount)
    return Character(Unicode.Scalar(value) ?? "\u{FFFD}")
  }
}

/// A binary heap that gives the smallest value first.
private struct MinimumHeap {
  private var values: [UInt64] = []

  mutating func insert(_ value: UInt64) {
    values.append(value)
    var child = values.count - 1
    while child > 0, values[child] < values[(child - 1) / 2] {
      values.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func removeMinimum() -> UInt64? {
    guard let minimum = values.first else { return nil }
    let last = values.removeLast()
    guard !values.isEmpty else { return minimum }
    values[0] = last
    var parent = 0
    while true {
      var child = 2 * parent + 1
      guard child < values.count else { return minimum }
      if child + 1 < values.count, values[child + 1] < values[child] { child += 1 }
      guard values[child] < values[parent] else { return minimum }
      values.swapAt(child, parent)
      parent = child
    }
  }
}
