import Foundation
import Graph
import Testing

@testable import Model

/// Expected values of `Fixtures/checkpoints.txt`; the script named there says what each line is.
struct CheckpointFixture {
  /// Fields after the first, of the lines that begin with `kind`.
  static func lines(_ kind: String) throws -> [[String]] {
    let path = CheckpointTestFiles.fixture("checkpoints.txt")
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
      .map { $0.split(separator: " ").map(String.init) }
      .filter { $0.first == kind }
      .map { Array($0.dropFirst()) }
    try #require(!lines.isEmpty)
    return lines
  }

  static func shape(_ field: String) -> [Int] {
    field.split(separator: ",").compactMap { Int($0) }
  }

  /// The checksum that the script defines, in its hexadecimal form.
  static func checksum(_ bytes: UnsafeRawBufferPointer) -> String {
    let golden: UInt64 = 0x9E37_79B9_7F4A_7C15
    var sum: UInt64 = 0
    for index in 0..<(bytes.count + 7) / 8 {
      var word: UInt64 = 0
      for place in 0..<min(8, bytes.count - index * 8) {
        word |= UInt64(bytes[index * 8 + place]) << UInt64(8 * place)
      }
      var z = (word ^ (UInt64(index) &* golden)) &+ golden
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      sum &+= z ^ (z >> 31)
    }
    return hexadecimal(sum)
  }

  static func hexadecimal(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}

@Suite struct SyntheticTests {
  @Test func wholeFilesAreTheReferences() throws {
    for fields in try CheckpointFixture.lines("file") {
      let size = try #require(SyntheticCheckpoint.Size(rawValue: fields[0]))
      try CheckpointTestFiles.withFolder { folder in
        let path = folder + "/x.safetensors"
        try SyntheticCheckpoint.write(
          size.configuration, seed: #require(UInt64(fields[1])), to: path)
        let data = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
        #expect(data.count == Int(fields[2]))
        #expect(data.withUnsafeBytes(CheckpointFixture.checksum) == fields[3], "\(size)")
      }
    }
  }

  @Test func partsOfFullSizeWeightsAreTheReferences() throws {
    for fields in try CheckpointFixture.lines("weight") {
      let start = try #require(Int(fields[1]))
      let weight = SyntheticWeight(
        name: fields[4], shape: CheckpointFixture.shape(fields[5]),
        seed: try #require(UInt64(fields[0])))
      let count = try #require(Int(fields[2]))
      let bits = (start..<start + count).map(weight.float16Bits)
      #expect(bits.withUnsafeBytes(CheckpointFixture.checksum) == fields[3], "\(fields[4])")
    }
  }

  @Test func inputsAreTheReferences() throws {
    for fields in try CheckpointFixture.lines("inputs") {
      let values = SyntheticTensors.inputs(
        fields[2], shape: CheckpointFixture.shape(fields[3]),
        seed: try #require(UInt64(fields[0])))
      #expect(values.withUnsafeBytes(CheckpointFixture.checksum) == fields[1], "\(fields[2])")
    }
  }

  @Test func weightIsWhatItsFileHolds() throws {
    let name = "model.diffusion_model.out.2.weight"
    let values = SyntheticTensors.weight(name, shape: [4, 320, 3, 3], seed: 5)
    let weight = SyntheticWeight(name: name, shape: [4, 320, 3, 3], seed: 5)
    #expect(values.count == 11520)
    #expect(
      values.enumerated().allSatisfy {
        FloatConversion.float16Bits($1) == weight.float16Bits(at: $0)
      })
  }

  @Test func uniformContinuesFromAnyStart() {
    let whole = SyntheticTensors.uniform("x", count: 100, seed: 9)
    #expect(SyntheticTensors.uniform("x", count: 40, seed: 9, start: 60) == Array(whole[60...]))
    #expect(whole.allSatisfy { -1 <= $0 && $0 < 1 })
    #expect(SyntheticTensors.uniform("x", count: 100, seed: 10) != whole)
  }
}
