import Graph

/// Random numbers of one purpose: Philox with the key `seed` and the counter
/// (`index`, `epoch`, draw, `stream`).
public struct RandomStream: Sendable {
  /// What a stream is for: no two purposes share numbers, and none shares them with the noise of
  /// `PhiloxNormal`, whose streams are small numbers in the same word of the counter.
  public enum Purpose: UInt32, Sendable {
    case entryOrder = 0x4441_0001
    case batchOrder = 0x4441_0002
    case crop = 0x4441_0003
    case flip = 0x4441_0004
    case captionDropout = 0x4441_0005
  }

  let seed: UInt64
  let purpose: Purpose
  let epoch: UInt32

  public init(seed: UInt64, purpose: Purpose, epoch: Int) {
    self.seed = seed
    self.purpose = purpose
    self.epoch = UInt32(truncatingIfNeeded: epoch)
  }

  /// 64 uniform bits for the `index`-th decision; `draw` separates several for one index.
  public func bits(_ index: Int, draw: UInt32 = 0) -> UInt64 {
    let words = Philox.words(
      key: (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)),
      counter: (UInt32(truncatingIfNeeded: index), epoch, draw, purpose.rawValue))
    return UInt64(words.1) << 32 | UInt64(words.0)
  }

  /// Uniform in [0, 1), a multiple of 2^-53.
  public func uniform(_ index: Int, draw: UInt32 = 0) -> Double {
    Double(bits(index, draw: draw) >> 11) * 0x1p-53
  }

  /// Uniform in 0..<count, by the high half of a 64 x 64 bit product (bias below count / 2^64).
  ///
  /// - Precondition: `count` > 0.
  public func integer(below count: Int, _ index: Int, draw: UInt32 = 0) -> Int {
    precondition(count > 0)
    return Int(bits(index, draw: draw).multipliedFullWidth(by: UInt64(count)).high)
  }

  /// `elements` in a random order (Fisher-Yates from the end, one draw for each position).
  public func shuffled<Element>(_ elements: [Element], draw: UInt32 = 0) -> [Element] {
    var result = elements
    for last in stride(from: result.count - 1, to: 0, by: -1) {
      result.swapAt(last, integer(below: last + 1, last, draw: draw))
    }
    return result
  }
}
