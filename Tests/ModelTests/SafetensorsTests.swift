import Foundation
import Graph
import Testing

@testable import Model

/// Files that tests of checkpoints read and write.
enum CheckpointTestFiles {
  /// Below `Fixtures`, beside this file.
  static func fixture(_ name: String) -> String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appending(path: "Fixtures/\(name)").path
  }

  /// Calls `body` with a folder of its own that is removed afterwards.
  static func withFolder<R>(_ body: (String) throws -> R) throws -> R {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder.path)
  }

  /// The bytes of a safetensors file with this header.
  static func bytes(header: String, data: [UInt8] = []) -> [UInt8] {
    withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian, Array.init) + header.utf8 + data
  }
}

@Suite struct SafetensorsTests {
  /// Opens a file with these bytes, and gives the error that doing so throws.
  private func openingError(_ bytes: [UInt8]) throws -> InputError {
    try CheckpointTestFiles.withFolder { folder in
      let path = folder + "/x.safetensors"
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      let error = #expect(throws: InputError.self) { try Safetensors(path: path) }
      let found = try #require(error)
      #expect(found.place.hasPrefix(path))
      return found
    }
  }

  @Test func readsWhatPythonWrote() throws {
    // `save_file({"ü \"q\"": f32 [2, 2], "a.i": i64 [3], "e": f32 [0], "s": f16 []}, ...,
    // {"k": "v \\ \n \u{1F642}"})` of safetensors 0.8.0, by scripts/make_safetensors_fixture.py
    let file = try Safetensors(path: CheckpointTestFiles.fixture("python.safetensors"))
    #expect(file.metadata == ["k": "v \\ \n \u{1F642}"])
    #expect(Set(file.entries.map(\.name)) == ["ü \"q\"", "a.i", "e", "s", "d", "b"])
    #expect(try file.floats("ü \"q\"") == [1, -2.5, 3.25, 1e-30])
    #expect(file["ü \"q\""]?.shape == [2, 2])
    #expect(try file.integers("a.i") == [1, -2, 1 << 40])
    #expect(file["e"]?.shape == [0])
    #expect(try file.floats("e") == [])
    #expect(file["s"]?.shape == [])
    #expect(try file.floats("s") == [0.0999755859375])
    #expect(try file.doubles("d") == [0.1, -1e300])
    #expect(try file.floats("d") == [0.1, -.infinity])
    #expect(try file.floats("b") == [1.0078125, -3.0])
    #expect(file["nothing"] == nil)
    #expect(throws: InputError.self) { try file.floats("nothing") }
    #expect(throws: InputError.self) { try file.floats("a.i") }
    #expect(throws: InputError.self) { try file.integers("d") }
  }

  @Test func readsPartOfATensor() throws {
    let file = try Safetensors(path: CheckpointTestFiles.fixture("python.safetensors"))
    #expect(try file.floats(file.entry("ü \"q\""), elements: 1..<3) == [-2.5, 3.25])
  }

  @Test func missingFileIsNamed() throws {
    let error = #expect(throws: InputError.self) { try Safetensors(path: "nowhere/x.safetensors") }
    #expect(error?.place == "nowhere/x.safetensors")
    #expect(error?.found == "No such file or directory")
  }

  @Test func folderIsNotAFile() throws {
    try CheckpointTestFiles.withFolder { folder in
      let error = #expect(throws: InputError.self) { try Safetensors(path: folder) }
      #expect(error?.found == "a folder or device")
      try Data("{}".utf8).write(to: URL(fileURLWithPath: folder + "/model_index.json"))
      let other = #expect(throws: InputError.self) { try Safetensors(path: folder) }
      #expect(other?.found == "a diffusers folder")
    }
  }

  @Test(
    arguments: [
      ([], "0 bytes"),
      (Array("PK\u{3}\u{4}......".utf8), "pickled"),
      ([0x80, 0x02] + Array(repeating: 0, count: 20), "pickled"),
      (Array("version https://git-lfs.github.com/spec/v1".utf8), "Git LFS"),
      (Array("<!DOCTYPE html><html>".utf8), "web page"),
      (Array("GGUF............".utf8), "GGUF"),
      ([0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0x7B], "4294967295 bytes"),
      ([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7B], "18446744073709551615 bytes"),
      ([9, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x7D], "2 bytes"),
    ] as [([UInt8], String)])
  func rejectsOtherFiles(bytes: [UInt8], found: String) throws {
    #expect(try openingError(bytes).found.contains(found))
  }

  /// Headers over four bytes of data, and a piece of what must be said.
  @Test(arguments: [
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#, "the end of the header"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}},"#, "`,` at byte"),
    (#"["a"]"#, "`[` at byte 0"),
    (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, "`-`"),
    (#"{"a":{"dtype":"F32","shape":[01],"data_offsets":[0,4]}}"#, "leading zeros"),
    (#"{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}"#, "`.`"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#, "incomplete description of `a`"),
    (#"{"a":{"dtype":"F32","shape":[1]}}"#, "incomplete description of `a`"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}"#, "`x`"),
    (#"{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}"#, "`shape`"),
    (#"{"a":{"dtype":"C64","shape":[1],"data_offsets":[0,4]}}"#, "dtype `C64`"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, "expected 8 bytes for F32 [2]"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, "rising"),
    (
      #"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}"#,
      "more bytes than exist"
    ),
    (#"{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}}"#, "below 2^63"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, "truncated"),
    (#"{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}"#, "expected 3 bytes of tensor data"),
    (#"{"a":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}}"#, "hole"),
    (
      #"{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}"#,
      "overlapping"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"a":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}"#,
      "the name twice"
    ),
    (
      #"{"__metadata__":{"k":"1","k":"2"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
      "`k` twice"
    ),
    (#"{"__metadata__":{"k":1},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, "`1`"),
    ("{\"a\u{1}\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", "byte 0x1"),
    (#"{"\ud83d":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, "surrogate"),
    (#"{"\x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, "escape"),
  ])
  func rejectsBrokenHeaders(header: String, message: String) throws {
    let error = try openingError(
      CheckpointTestFiles.bytes(header: header, data: [0, 0, 0, 0]))
    #expect(error.description.contains(message), "\(error)")
  }

  @Test func rejectsNamesThatAreNotUTF8() throws {
    var bytes = CheckpointTestFiles.bytes(
      header: #"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#)
    bytes[10] = 0xFF
    #expect(try openingError(bytes).description.contains("UTF-8"))
  }

  @Test func everyTruncationIsFound() throws {
    let whole = CheckpointTestFiles.bytes(
      header: #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, data: [0, 0, 128, 63])
    for count in 0..<whole.count { _ = try openingError(Array(whole[..<count])) }
  }

  @Test func readsDataThatIsNotAligned() throws {
    try CheckpointTestFiles.withFolder { folder in
      let path = folder + "/x.safetensors"
      let header =
        #"{"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}}  "#
      let bytes = CheckpointTestFiles.bytes(header: header, data: [7, 0, 0, 128, 63])
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      let file = try Safetensors(path: path)
      #expect(file.entries.map(\.name) == ["b", "a"])
      #expect(try file.floats("a") == [1])
      #expect(try file.integers("b") == [7])
    }
  }
}
