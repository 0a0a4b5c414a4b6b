import Foundation
import Testing

@testable import Data

@Suite struct TagWeightsTests {
  private func weights(_ captions: [(String, repeats: Int)]) -> [Double] {
    TagWeights(
      captions.map { caption, repeats in
        Sample(
          name: "a.png", path: "/a.png", width: 8, height: 8, contentHash: "a", caption: caption,
          repeats: repeats, bucket: Bucket(width: 8, height: 8))
      }
    ).weights
  }

  /// Shares: a 4/4, b 3/4, c 1/4. Raw weights 1/1.1, 1/.85, 1/.35; captions' are geometric means.
  @Test func weightsAreTheClosedForm() {
    let found = weights([("a, b", repeats: 3), (" A ,c,,c", repeats: 1)])
    let raw = [(1 / 1.1 / 0.85).squareRoot(), (1 / 1.1 / 0.35).squareRoot()]
    let mean = (3 * raw[0] + raw[1]) / 4
    for (a, b) in zip(found, raw) { #expect(abs(a - b / mean) < 1e-12) }
    #expect(found[1] > found[0])
  }

  /// Repeats counted, the mean is 1; samples without tags are left at 1, out of it.
  @Test func meanIsOne() {
    let found = weights([
      ("x", repeats: 5), ("x, rare", repeats: 1), ("", repeats: 7), (" , ", repeats: 1),
    ])
    #expect(abs((5 * found[0] + found[1]) / 6 - 1) < 1e-12)
    #expect(found[2] == 1 && found[3] == 1)
    #expect(weights([("", repeats: 1)]) == [1])
    #expect(weights([("alone", repeats: 2)]) == [1])
  }

  /// One of 1000 has a share of .001: 1 / .101 = 9.9, which no share takes beyond 10.
  @Test func rareTagsCountTenTimesAtMost() {
    let found = weights([("common", repeats: 999), ("rare", repeats: 1)])
    #expect(abs(found[1] / found[0] - (1 / 0.101) * 1.099) < 1e-9)
  }
}
