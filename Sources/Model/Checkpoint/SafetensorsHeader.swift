import Graph

/// The JSON header of a safetensors file: tensors in the order they stand, and the metadata.
///
/// Parsed by a scanner of its own because a general JSON reader loses the order and lets
/// duplicate names pass.
struct SafetensorsHeader {
  var entries: [TensorEntry] = []
  var metadata: [String: String] = [:]

  /// - Parameters:
  ///   - bytes: the header alone, without its 8-byte length
  ///   - dataByteCount: bytes that follow the header in the file
  ///   - path: the file, for errors
  /// - Throws: `InputError` for anything but a complete, gapless description of the data
  /// - Source: safetensors, `README.md` ("Format") and `tensor.rs` (`Metadata::validate`)
  init(parsing bytes: UnsafeRawBufferPointer, dataByteCount: Int, path: String) throws {
    do {
      try parse(bytes, path: path)
    } catch let error as JSONScanner.Failure {
      throw InputError(
        path, expected: "a safetensors header with \(error.expected)",
        found: "\(error.found) at byte \(error.position) of the header",
        hint: "the file is damaged or not a safetensors file")
    }
    try validateOffsets(dataByteCount: dataByteCount, path: path)
  }

  private mutating func parse(_ bytes: UnsafeRawBufferPointer, path: String) throws {
    var scanner = JSONScanner(bytes: bytes)
    var names = Set<String>()
    try scanner.object { scanner, key in
      guard names.insert(key).inserted else {
        throw InputError(
          "\(path): \(key)", expected: "one tensor of each name", found: "the name twice")
      }
      if key == "__metadata__" {
        metadata = try Self.metadata(&scanner)
      } else {
        entries.append(try Self.entry(&scanner, name: key, path: path))
      }
    }
    try scanner.end()
  }

  private static func metadata(_ scanner: inout JSONScanner) throws -> [String: String] {
    var values: [String: String] = [:]
    try scanner.object { scanner, key in
      let position = scanner.position
      guard values.updateValue(try scanner.string(), forKey: key) == nil else {
        throw JSONScanner.Failure(
          expected: "each metadata key once", found: "`\(key)` twice", position: position)
      }
    }
    return values
  }

  private static func entry(
    _ scanner: inout JSONScanner, name: String, path: String
  ) throws -> TensorEntry {
    let start = scanner.position
    var typeName: String?
    var shape: [Int]?
    var offsets: [Int]?
    try scanner.object { scanner, key in
      let position = scanner.position
      switch key {
      case "dtype" where typeName == nil: typeName = try scanner.string()
      case "shape" where shape == nil: shape = try scanner.integers()
      case "data_offsets" where offsets == nil: offsets = try scanner.integers()
      default:
        throw JSONScanner.Failure(
          expected: "dtype, shape and data_offsets once for each tensor", found: "`\(key)`",
          position: position)
      }
    }
    guard let typeName, let shape, let offsets, offsets.count == 2 else {
      throw JSONScanner.Failure(
        expected: "dtype, shape and two data_offsets for each tensor",
        found: "an incomplete description of `\(name)`", position: start)
    }
    let place = "\(path): \(name)"
    guard let dtype = SafetensorsDType(rawValue: typeName) else {
      let known = SafetensorsDType.allCases.map(\.rawValue).joined(separator: ", ")
      throw InputError(
        place, expected: "one of the dtypes \(known)", found: "dtype `\(typeName)`",
        hint: "the file is damaged, or of a kind that vkxl does not read")
    }
    guard offsets[0] <= offsets[1] else {
      throw InputError(
        place, expected: "data_offsets in rising order", found: "\(offsets[0]) to \(offsets[1])",
        hint: "the file is damaged")
    }
    let description = TensorDescription(name: name, dtype: dtype, shape: shape)
    guard byteCount(of: description) == offsets[1] - offsets[0] else {
      let needed = byteCount(of: description).map { "\($0) bytes" } ?? "more bytes than exist"
      throw InputError(
        place, expected: "\(needed) for \(typeName) \(shape)",
        found: "\(offsets[1] - offsets[0]) bytes between its data_offsets",
        hint: "the file is damaged, or its header was written with a wrong dtype or shape")
    }
    return TensorEntry(description: description, byteRange: offsets[0]..<offsets[1])
  }

  /// nil when the product does not fit.
  private static func byteCount(of description: TensorDescription) -> Int? {
    var count = description.dtype.byteCount
    for dimension in description.shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
      if overflow { return nil }
      count = product
    }
    return count
  }

  /// The data must be covered exactly: no overlap, no hole, nothing beyond its end.
  private func validateOffsets(dataByteCount: Int, path: String) throws {
    let sorted = entries.sorted {
      ($0.byteRange.lowerBound, $0.byteRange.upperBound)
        < ($1.byteRange.lowerBound, $1.byteRange.upperBound)
    }
    if let last = sorted.max(by: { $0.byteRange.upperBound < $1.byteRange.upperBound }),
      last.byteRange.upperBound > dataByteCount
    {
      throw InputError(
        "\(path): \(last.name)",
        expected: "\(last.byteRange.upperBound) bytes of tensor data",
        found: "\(dataByteCount) bytes", hint: "the file is truncated: copy or download it again")
    }
    var end = 0
    for entry in sorted {
      let begin = entry.byteRange.lowerBound
      guard begin == end else {
        throw InputError(
          "\(path): \(entry.name)", expected: "data_offsets that begin at \(end)",
          found: "\(begin), \(begin < end ? "overlapping the tensor before" : "leaving a hole")",
          hint: "the file is damaged")
      }
      end = entry.byteRange.upperBound
    }
    guard end == dataByteCount else {
      throw InputError(
        path, expected: "\(end) bytes of tensor data, as the header says",
        found: "\(dataByteCount) bytes", hint: "the file is damaged or was written twice")
    }
  }
}
