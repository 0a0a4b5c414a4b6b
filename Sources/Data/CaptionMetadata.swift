import FoundationEssentials
import Graph

/// Captions from `metadata.jsonl`: one JSON object a line with `file_name`, relative to the folder of
/// the file, and `text`; other keys are passed over.
///
/// - Source: Hugging Face datasets, "ImageFolder": captions.
struct CaptionMetadata {
  static let fileName = "metadata.jsonl"

  private struct Line: Decodable {
    var fileName: String
    var text: String

    enum CodingKeys: String, CodingKey {
      case fileName = "file_name"
      case text
    }
  }

  /// Caption and line by the picture's name below the data folder.
  private(set) var captions: [String: (text: String, place: String)] = [:]

  /// Reads the metadata files among `files`, names below `root`.
  ///
  /// - Throws: `InputError` naming file and line for a line that is not such an object, or a picture
  ///   named twice.
  init(_ files: [FolderListing.File], root: String) throws {
    for file in files
    where FilePath.joined(FilePath.folder(of: file.name), Self.fileName) == file.name {
      try read(file.name, root: root)
    }
  }

  private mutating func read(_ name: String, root: String) throws {
    let path = FilePath.joined(root, name)
    let lines = try Files.read(path).split(
      separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      let place = "\(path):\(index + 1)"
      if line.allSatisfy({ $0 == 0x20 || $0 == 0x0d || $0 == 0x09 }) { continue }
      guard let entry = try? JSONDecoder().decode(Line.self, from: .init(line)) else {
        throw InputError(
          place, expected: "{\"file_name\": \"picture.png\", \"text\": \"its caption\"}",
          found: String(decoding: line.prefix(60), as: UTF8.self))
      }
      let picture = FilePath.joined(FilePath.folder(of: name), entry.fileName)
      if let earlier = captions[picture] {
        throw InputError(
          place, expected: "each picture once",
          found: "\(entry.fileName), named at \(earlier.place)")
      }
      captions[picture] = (Caption.cleaned(entry.text), place)
    }
  }
}

/// A caption's text.
enum Caption {
  /// Without a byte order mark, and without white space at its ends.
  static func cleaned(_ text: String) -> String {
    var scalars = text.unicodeScalars[...]
    if scalars.first == "\u{feff}" { scalars.removeFirst() }
    while let first = scalars.first, first.properties.isWhitespace { scalars.removeFirst() }
    while let last = scalars.last, last.properties.isWhitespace { scalars.removeLast() }
    return String(scalars)
  }

  /// The caption in a file's bytes; nil if they are not UTF-8.
  static func decoded(_ bytes: [UInt8]) -> String? {
    String(validating: bytes, as: UTF8.self).map(cleaned)
  }
}
