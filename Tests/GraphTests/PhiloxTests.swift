import Graph
import Testing

@Suite struct PhiloxTests {
  /// Random123's known answers (kat_vectors, philox4x32 10): counter, key, words.
  private static let answers: [(counter: [UInt32], key: [UInt32], words: [UInt32])] = [
    ([0, 0, 0, 0], [0, 0], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
    (
      [.max, .max, .max, .max], [.max, .max],
      [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
    ),
    (
      [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0],
      [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
    ),
  ]

  @Test(arguments: answers.indices)
  func knownAnswers(_ index: Int) {
    let (counter, key, words) = Self.answers[index]
    let found = Philox.words(
      key: (key[0], key[1]), counter: (counter[0], counter[1], counter[2], counter[3]))
    #expect([found.0, found.1, found.2, found.3] == words)
  }

  /// Each field of a key changes every number, and a sample's numbers do not depend on the batch.
  @Test func keysAreIndependent() {
    let base: [Double] = [1, 2, 3, 4, 5]
    let rows =
      [base]
      + (0..<5).map { field in
        base.enumerated().map { $0 == field ? $1 + 1 : $1 }
      }
    let operation = PhiloxNormal(shape: [6])
    let all = operation.evaluate(
      [HostTensor(TensorType([6, 5], .i32), rows.flatMap { $0 })], outputs: [TensorType([6, 6])]
    )[0].values
    #expect(Set(all).count == 36)
    let alone = operation.evaluate(
      [HostTensor(TensorType([1, 5], .i32), rows[3])], outputs: [TensorType([1, 6])])[0].values
    #expect(alone == Array(all[18..<24]))
  }
}
