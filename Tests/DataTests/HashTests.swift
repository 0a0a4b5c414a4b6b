import Graph
import Testing

@testable import Data

@Suite struct HashTests {
  /// FIPS 180-4's examples (NIST's example values), and the boundaries of padding against sha256sum
  /// of coreutils 9.1.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      String(repeating: "a", count: 55),
      "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"
    ),
    (
      String(repeating: "a", count: 64),
      "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"
    ),
    (
      String(repeating: "a", count: 1_000_000),
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    ),
  ])
  func digestsKnownMessages(_ message: String, _ expected: String) {
    #expect(SHA256.hex(Array(message.utf8)) == expected)
  }

  @Test func piecesDigestAsTheWhole() {
    let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    for size in [1, 7, 63, 64, 65, 200] {
      var hash = SHA256()
      for start in stride(from: 0, to: bytes.count, by: size) {
        hash.update(Array(bytes[start..<min(start + size, bytes.count)]))
      }
      #expect(hash.finalized() == SHA256.digest(bytes))
    }
  }

  /// Random123's kat_vectors, philox4x32-10: the layout of key and counter must not change, or
  /// resumed runs would see other samples.
  @Test func streamsAreTheKnownAnswers() {
    let words = Philox.words(key: (0, 0), counter: (0, 0, 0, 0))
    #expect(words == (0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    let stream = RandomStream(seed: 0x299f_31d0_a409_3822, purpose: .flip, epoch: 0x85a3_08d3)
    let expected = Philox.words(
      key: (0xa409_3822, 0x299f_31d0), counter: (0x243f_6a88, 0x85a3_08d3, 5, 0x4441_0004))
    #expect(
      stream.bits(0x243f_6a88, draw: 5) == UInt64(expected.1) << 32 | UInt64(expected.0))
  }

  @Test func streamsAreUniformAndApart() {
    let stream = RandomStream(seed: 3, purpose: .flip, epoch: 0)
    let draws = (0..<10_000).map { stream.uniform($0) }
    // The mean of 10,000 uniforms has a standard deviation of 0.0029: five of them.
    #expect(abs(draws.reduce(0, +) / 10_000 - 0.5) < 0.0145)
    #expect(draws.allSatisfy { 0 <= $0 && $0 < 1 })
    #expect((0..<1000).allSatisfy { (0..<7).contains(stream.integer(below: 7, $0)) })
    let other = RandomStream(seed: 3, purpose: .flip, epoch: 1)
    #expect(stream.bits(0) != other.bits(0))
    #expect(stream.bits(0) != stream.bits(0, draw: 1))
    let shuffled = stream.shuffled(Array(0..<100))
    #expect(shuffled != Array(0..<100))
    #expect(shuffled.sorted() == Array(0..<100))
    #expect(stream.shuffled(Array(0..<100)) == shuffled)
  }
}
