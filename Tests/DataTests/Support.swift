import Foundation
import Graph

@testable import Data

/// Files that `Fixtures/make_fixtures.py` made.
enum Fixture {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Fixtures").path

  static func path(_ name: String) -> String { "\(folder)/\(name)" }

  static func picture(_ name: String) throws -> [UInt8] {
    try Files.read(path("pictures/\(name)"))
  }

  /// A `.rgb` file: width, height, interleaved samples of 1 or 2 bytes.
  static func raw(_ name: String) throws -> (width: Int, height: Int, samples: [Int]) {
    let bytes = try Files.read(path(name))
    func word(_ start: Int, _ count: Int) -> Int {
      (0..<count).reduce(0) { $0 | Int(bytes[start + $1]) << (8 * $1) }
    }
    let (width, height) = (word(0, 4), word(4, 4))
    let size = (bytes.count - 8) / (width * height * 3)
    let samples = stride(from: 8, to: bytes.count, by: size).map { word($0, size) }
    return (width, height, samples)
  }
}

/// A folder that is removed when this goes.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.path + "/vkxl-data-\(UUID().uuidString)"
    try Files.makeFolder(path)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes `bytes` at `name`, making the folders above it.
  func write(_ bytes: [UInt8], to name: String) throws {
    let place = "\(path)/\(name)"
    try Files.makeFolder(URL(fileURLWithPath: place).deletingLastPathComponent().path)
    try Files.writeAtomically(bytes, to: place)
  }

  func write(_ text: String, to name: String) throws {
    try write(Array(text.utf8), to: name)
  }
}

/// A repeatable picture without structure.
func noise(width: Int, height: Int, seed: UInt64 = 1) -> Image {
  let stream = RandomStream(seed: seed, purpose: .crop, epoch: 0)
  let rgb = (0..<(width * height * 3)).map { UInt8(truncatingIfNeeded: stream.bits($0)) }
  return Image(width: width, height: height, rgb: rgb)
}

/// The error that `body` throws, if it is one the user is meant to read.
func inputError(_ body: () throws -> Void) -> InputError? {
  do {
    try body()
    return nil
  } catch {
    return error as? InputError
  }
}
