import Foundation
import Testing

@testable import Data

@Suite struct PNGTests {
  @Test func writesWhatItReads() throws {
    let image = noise(width: 37, height: 23)
    let bytes = try PNG.encoded(image, texts: [("parameters", "a cat\nSteps: 20, Seed: 1")])
    #expect(try Image(decoding: bytes, name: "written") == image)
  }

  /// Keys and layout of tEXt (keyword, 0, Latin-1) and iTXt (keyword, 0, flag, method, language, 0,
  /// translated keyword, 0, UTF-8): PNG specification 11.3.3.
  @Test func textGoesWhereOtherProgramsLook() throws {
    let texts = [("parameters", "caf\u{e9}, Steps: 20"), ("prompt", "\u{732b} \u{1f431}")]
    let bytes = try PNG.encoded(noise(width: 4, height: 4), texts: texts)
    let chunks = PNG.chunks(bytes)
    let plain = try #require(chunks.first { $0.type == "tEXt" })
    #expect(Array(plain.data) == Array("parameters\0caf".utf8) + [0xe9] + Array(", Steps: 20".utf8))
    let international = try #require(chunks.first { $0.type == "iTXt" })
    #expect(
      Array(international.data) == Array("prompt".utf8) + [0, 0, 0, 0, 0]
        + Array("\u{732b} \u{1f431}".utf8))
    #expect(chunks.last?.type == "IEND")
  }

  @Test func refusesKeysThatPNGDoesNotAllow() {
    for key in ["", String(repeating: "k", count: 80), "\u{732b}"] {
      #expect(
        inputError {
          _ = try PNG.encoded(noise(width: 1, height: 1), texts: [(key, "text")])
        } != nil)
    }
  }

  @Test func writingIsWholeOrNothing() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/sample.png"
    try PNG.write(noise(width: 5, height: 5), to: path)
    try PNG.write(noise(width: 5, height: 5, seed: 2), to: path)
    #expect(try Image(contentsOf: path) == noise(width: 5, height: 5, seed: 2))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["sample.png"])
    let error = inputError {
      try PNG.write(noise(width: 5, height: 5), to: folder.path + "/missing/sample.png")
    }
    #expect(error?.found == "No such file or directory")
  }
}
