import FoundationEssentials
import Graph

/// Writes a trained checkpoint: the source with some tensors replaced.
public enum CheckpointWriter {
  /// Finite values of a tensor that its element type cannot hold and that became infinite.
  public struct Overflow: Hashable, Sendable, CustomStringConvertible {
    public var name: String
    /// Element type.
    public var dtype: SafetensorsDType
    /// Number of such values.
    public var count: Int

    public var description: String {
      "\(name): \(count) values became infinite in \(dtype.rawValue)"
    }
  }

  /// Elements converted at a time: 4 MB of f32.
  private static let batchElementCount = 1 << 20

  /// Writes the tensors of `source`, in its order, then the markers.
  ///
  /// The source may be the file that is being replaced. Tensors are asked for one at a time, so
  /// that one trained tensor is in memory, not all.
  ///
  /// - Parameters:
  ///   - replacement: new values of a tensor, row-major in the file's layout (as many as it has);
  ///     nil keeps the source's bytes
  ///   - dtype: element type of all tensors that hold numbers with fractions; nil keeps the source's
  ///   - markers: nil keeps the source's markers and metadata as they are
  ///   - date: for `modelspec.date`
  /// - Returns: tensors in which values overflowed; a caller should warn of each
  /// - Throws: `InputError` when the file cannot be written or a replaced tensor's dtype is not
  ///   a floating-point one, and whatever `replacement` throws; nothing is changed then
  public static func save(
    _ source: Safetensors, replacement: (TensorEntry) throws -> [Float]?,
    dtype: SafetensorsDType? = nil, markers: CheckpointMarkers?, date: Date = Date(),
    to path: String
  ) throws -> [Overflow] {
    func target(_ entry: TensorEntry) -> TensorDescription {
      var description = entry.description
      if let dtype, entry.dtype.isFloatingPoint { description.dtype = dtype }
      return description
    }
    let kept = source.entries.filter { markers == nil || !CheckpointMarkers.isMarker($0.name) }
    let entries = Dictionary(uniqueKeysWithValues: kept.map { ($0.name, $0) })
    var overflows: [Overflow] = []
    try SafetensorsWriter.write(
      kept.map(target) + (markers?.tensors ?? []),
      metadata: markers?.metadata(over: source.metadata, date: date) ?? source.metadata, to: path
    ) { tensor, write in
      guard let entry = entries[tensor.name] else { return }  // a marker: empty
      let isConverted = entry.dtype != tensor.dtype
      guard let values = try replacement(entry) ?? (isConverted ? source.floats(entry) : nil) else {
        return try source.withBytes(of: entry, write)
      }
      let count = try convert(values, to: tensor, of: source, write: write)
      if count > 0 {
        overflows.append(Overflow(name: entry.name, dtype: tensor.dtype, count: count))
      }
    }
    return overflows
  }

  private static func convert(
    _ values: [Float], to entry: TensorDescription, of source: Safetensors,
    write: SafetensorsWriter.Sink
  ) throws -> Int {
    precondition(
      values.count == entry.elementCount,
      "\(entry.name): \(values.count) values for \(entry.elementCount) elements")
    guard entry.dtype.isFloatingPoint else {
      throw InputError(
        "\(source.path): \(entry.name)", expected: "dtype F64, F32, F16 or BF16",
        found: entry.dtype.rawValue)
    }
    let size = entry.dtype.byteCount
    let batch = UnsafeMutableRawBufferPointer.allocate(
      byteCount: min(values.count, batchElementCount) * size, alignment: 16)
    defer { batch.deallocate() }
    return try values.withUnsafeBufferPointer { values in
      var overflowCount = 0
      var start = 0
      while start < values.count {
        let part = UnsafeBufferPointer(
          rebasing: values[start..<min(values.count, start + batchElementCount)])
        let bytes = UnsafeMutableRawBufferPointer(rebasing: batch[..<(part.count * size)])
        overflowCount += FloatConversion.encode(part, as: entry.dtype, into: bytes)
        try write(UnsafeRawBufferPointer(bytes))
        start += part.count
      }
      return overflowCount
    }
  }
}
