import Graph

/// Writes safetensors files tensor by tensor, so that a checkpoint larger than memory can be
/// written.
///
/// The header is compact JSON with the tensors in the given order, padded with spaces to a multiple
/// of 8; the data follows in the same order. With tensors of one dtype in order of their names the
/// file is the same, byte for byte, as Python's `safetensors` writes.
///
/// - Source: safetensors, `tensor.rs` (`prepare`, `serialize_to_file`)
public enum SafetensorsWriter {
  /// Appends bytes to the tensor being written; throws `InputError` (disk full, ...).
  public typealias Sink = (UnsafeRawBufferPointer) throws -> Void

  /// Writes `tensors` in their order; `fill` is called once for each, in that order, and must write
  /// exactly `byteCount` bytes, in as many pieces as is convenient. Atomic, as `AtomicFile`.
  ///
  /// - Throws: `InputError` when the file cannot be written, and whatever `fill` throws
  public static func write(
    _ tensors: [TensorDescription], metadata: [String: String], to path: String,
    fill: (TensorDescription, Sink) throws -> Void
  ) throws {
    try AtomicFile.write(to: path) { file in
      try write(tensors, metadata: metadata, to: &file, fill: fill)
    }
  }

  /// Writes tensors that are in memory.
  ///
  /// - Throws: `InputError` when the file cannot be written
  public static func write(
    _ tensors: [(name: String, shape: [Int], values: [Float])],
    metadata: [String: String] = [:], to path: String
  ) throws {
    let values = Dictionary(tensors.map { ($0.name, $0.values) }, uniquingKeysWith: { $1 })
    let descriptions = tensors.map {
      TensorDescription(name: $0.name, dtype: .f32, shape: $0.shape)
    }
    try write(descriptions, metadata: metadata, to: path) { tensor, write in
      try values[tensor.name, default: []].withUnsafeBytes(write)
    }
  }

  static func write(
    _ tensors: [TensorDescription], metadata: [String: String], to file: inout AtomicFile,
    fill: (TensorDescription, Sink) throws -> Void
  ) throws {
    precondition(Set(tensors.map(\.name)).count == tensors.count, "two tensors of one name")
    let header = header(tensors, metadata: metadata)
    try withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { try file.write($0) }
    try file.write(header)
    for tensor in tensors {
      var written = 0
      try fill(tensor) { bytes in
        try file.write(bytes)
        written += bytes.count
      }
      precondition(
        written == tensor.byteCount,
        "\(tensor.name): \(written) bytes written, \(tensor.byteCount) described")
    }
  }

  /// The header with its padding.
  static func header(_ tensors: [TensorDescription], metadata: [String: String]) -> String {
    var members: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        .map { "\(quotedText($0.key)):\(quotedText($0.value))" }
      members.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
    }
    var offset = 0
    for tensor in tensors {
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      let end = offset + tensor.byteCount
      members.append(
        "\(quotedText(tensor.name)):{\"dtype\":\"\(tensor.dtype.rawValue)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    let json = "{\(members.joined(separator: ","))}"
    return json + String(repeating: " ", count: (8 - json.utf8.count % 8) % 8)
  }

}
