/// The SHA-256 digest of a byte string.
///
/// Used to name contents (images, captions, weights) in caches and to check cache files. It is not
/// there for security.
///
/// - Source: FIPS 180-4, sections 4.1.2, 5.1.1 and 6.2.2.
public struct SHA256: Sendable {
  private var state: [UInt32] = [
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a,
    0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
  ]
  private var pending: [UInt8] = []
  private var byteCount = 0

  /// An empty message.
  public init() {}

  /// The digest of `bytes`, 32 bytes.
  public static func digest(_ bytes: [UInt8]) -> [UInt8] {
    var hash = SHA256()
    hash.update(bytes)
    return hash.finalized()
  }

  /// The digest of `bytes` as 64 lower-case hexadecimal digits.
  public static func hex(_ bytes: [UInt8]) -> String {
    hex(digest: digest(bytes))
  }

  /// Lower-case hexadecimal digits of `digest`.
  public static func hex(digest: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    let text = digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    return String(decoding: text, as: UTF8.self)
  }

  /// Appends `bytes` to the message.
  public mutating func update(_ bytes: [UInt8]) {
    byteCount += bytes.count
    var start = 0
    if !pending.isEmpty {
      start = min(64 - pending.count, bytes.count)
      pending += bytes[..<start]
      guard pending.count == 64 else { return }
      absorb(pending, from: 0, blocks: 1)
      pending.removeAll(keepingCapacity: true)
    }
    let blocks = (bytes.count - start) / 64
    absorb(bytes, from: start, blocks: blocks)
    pending += bytes[(start + blocks * 64)...]
  }

  /// The digest of the message so far, 32 bytes.
  public func finalized() -> [UInt8] {
    var copy = self
    let zeros = (119 - pending.count) % 64
    let bitCount = UInt64(byteCount) * 8
    let length = (0..<8).map { UInt8(truncatingIfNeeded: bitCount >> UInt64(56 - 8 * $0)) }
    copy.update([0x80] + [UInt8](repeating: 0, count: zeros) + length)
    return copy.state.flatMap { word in
      (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(24 - 8 * $0)) }
    }
  }

  private mutating func absorb(_ bytes: [UInt8], from start: Int, blocks: Int) {
    bytes.withUnsafeBytes { message in
      withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { words in
        Self.roundConstants.withUnsafeBufferPointer { constants in
          for block in 0..<blocks {
            for index in 0..<16 {
              let offset = start + block * 64 + index * 4
              words[index] = UInt32(
                bigEndian: message.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            }
            Self.expand(words)
            compress(words, constants)
          }
        }
      }
    }
  }

  /// The message schedule W[16...63] from W[0..<16].
  @inline(__always)
  private static func expand(_ words: UnsafeMutableBufferPointer<UInt32>) {
    for index in 16..<64 {
      let a = words[index - 15]
      let b = words[index - 2]
      let sigma0 = rotated(a, 7) ^ rotated(a, 18) ^ (a >> 3)
      let sigma1 = rotated(b, 17) ^ rotated(b, 19) ^ (b >> 10)
      words[index] = words[index - 16] &+ sigma0 &+ words[index - 7] &+ sigma1
    }
  }

  @inline(__always)
  private mutating func compress(
    _ words: UnsafeMutableBufferPointer<UInt32>, _ constants: UnsafeBufferPointer<UInt32>
  ) {
    var (a, b, c, d) = (state[0], state[1], state[2], state[3])
    var (e, f, g, h) = (state[4], state[5], state[6], state[7])
    for index in 0..<64 {
      let sum1 = Self.rotated(e, 6) ^ Self.rotated(e, 11) ^ Self.rotated(e, 25)
      let choice = (e & f) ^ (~e & g)
      let first = h &+ sum1 &+ choice &+ constants[index] &+ words[index]
      let sum0 = Self.rotated(a, 2) ^ Self.rotated(a, 13) ^ Self.rotated(a, 22)
      let majority = (a & b) ^ (a & c) ^ (b & c)
      (h, g, f, e) = (g, f, e, d &+ first)
      (d, c, b, a) = (c, b, a, first &+ sum0 &+ majority)
    }
    let words = [a, b, c, d, e, f, g, h]
    for index in 0..<8 { state[index] &+= words[index] }
  }

  @inline(__always)
  private static func rotated(_ word: UInt32, _ count: UInt32) -> UInt32 {
    (word >> count) | (word << (32 &- count))
  }

  /// The first 32 bits of the fractional parts of the cube roots of the first 64 primes, computed
  /// rather than listed: floor(cbrt(p) * 2^32) mod 2^32 by integer bisection.
  private static let roundConstants: [UInt32] = {
    var primes: [UInt64] = []
    var candidate: UInt64 = 2
    while primes.count < 64 {
      if primes.allSatisfy({ candidate % $0 != 0 }) { primes.append(candidate) }
      candidate += 1
    }
    return primes.map { prime in
      // The largest r with r^3 <= p * 2^96; r < 8 * 2^32 for p <= 311.
      var low: UInt64 = 0
      var high: UInt64 = 8 << 32
      while high - low > 1 {
        let middle = low + (high - low) / 2
        let cube = UInt128(middle) * UInt128(middle) * UInt128(middle)
        if cube <= UInt128(prime) << 96 { low = middle } else { high = middle }
      }
      return UInt32(truncatingIfNeeded: low)
    }
  }()
}
