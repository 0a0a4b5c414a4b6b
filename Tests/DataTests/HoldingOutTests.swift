import Graph
import Testing

@testable import Data

@Suite struct HoldingOutTests {
  /// Hashes spread evenly on [0, 1): sample i of 16 begins with hexadecimal digit i.
  private func dataset(_ indices: [Int] = Array(0..<16)) throws -> Dataset {
    let samples = indices.map { index in
      Sample(
        name: "\(index).png", path: "/\(index).png", width: 8, height: 8,
        contentHash: String(index, radix: 16) + String(repeating: "0", count: 63),
        caption: "a", repeats: 3, bucket: Bucket(width: 8, height: 8))
    }
    return try Dataset(root: "/", samples: samples, unused: [])
  }

  @Test func contentDecides() throws {
    let (training, heldOut) = try dataset().holdingOut(0.25, place: "here")
    #expect(heldOut.samples.map(\.name) == (0..<4).map { "\($0).png" })
    #expect(heldOut.samples.allSatisfy { $0.repeats == 1 })
    #expect(training.samples.map(\.name) == (4..<16).map { "\($0).png" })
    #expect(training.samples.allSatisfy { $0.repeats == 3 })
    // Without some pictures, the others stay where they were.
    let fewer = try dataset([1, 3, 5, 9]).holdingOut(0.25, place: "here")
    #expect(fewer.heldOut.samples.map(\.name) == ["1.png", "3.png"])
  }

  @Test(arguments: [(0.01, [5, 6]), (0.9, [1, 2])])
  func anEmptySideIsRefused(fraction: Double, indices: [Int]) throws {
    let data = try dataset(indices)
    let error = #expect(throws: InputError.self) {
      try data.holdingOut(fraction, place: "here")
    }
    #expect(error?.place == "here")
    #expect(error?.found == (fraction < 0.5 ? "0" : "2") + " of 2 pictures held out")
  }
}
