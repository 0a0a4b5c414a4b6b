/// Philox 4x32 with 10 rounds: a random function of a key and a counter.
///
/// Nothing is drawn in sequence, so numbers depend neither on order nor on what else was drawn.
/// - Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011; the known
///   answers of Random123.
public enum Philox {
  /// Four random words.
  public static func words(
    key: (UInt32, UInt32), counter: (UInt32, UInt32, UInt32, UInt32)
  ) -> (UInt32, UInt32, UInt32, UInt32) {
    var (key, c) = (key, counter)
    for round in 0..<10 {
      if round > 0 { key = (key.0 &+ 0x9e37_79b9, key.1 &+ 0xbb67_ae85) }
      let a = c.0.multipliedFullWidth(by: 0xd251_1f53)
      let b = c.2.multipliedFullWidth(by: 0xcd9e_8d57)
      c = (b.high ^ c.1 ^ key.0, b.low, a.high ^ c.3 ^ key.1, a.low)
    }
    return c
  }
}
