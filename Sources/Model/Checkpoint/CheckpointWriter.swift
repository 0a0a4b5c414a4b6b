import Dispatch
import FoundationEssentials
import Graph
import Synchronization

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
  /// The source may be the file that is being replaced. Tensors pass through in pieces: none is in
  /// memory as a whole.
  ///
  /// - Parameters:
  ///   - replacement: new values of a tensor, as many as it has; nil keeps the source's
  ///   - dtype: element type of all tensors that hold numbers with fractions; nil keeps the source's
  ///   - markers: nil keeps the source's markers and metadata as they are
  ///   - date: for `modelspec.date`
  /// - Returns: tensors in which values overflowed; a caller should warn of each
  /// - Throws: `InputError` when the file cannot be written or a replaced tensor's dtype is not
  ///   a floating-point one, and whatever `replacement` throws; nothing is changed then
  public static func save(
    _ source: Safetensors, replacement: (TensorEntry) throws -> TensorReplacement?,
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
      defer { source.release(entry) }
      var count = 0
      if let replacement = try replacement(entry) {
        try requireFloatingPoint(entry, of: source)
        try replacement.forEachPiece {
          count += try convert($0, replacement.dtype, to: tensor.dtype, write: write)
        }
      } else {
        try source.withBytes(of: entry) {
          count += try convert($0, entry.dtype, to: tensor.dtype, write: write)
        }
      }
      if count > 0 {
        overflows.append(Overflow(name: entry.name, dtype: tensor.dtype, count: count))
      }
    }
    return overflows
  }

  private static func requireFloatingPoint(_ entry: TensorEntry, of source: Safetensors) throws {
    guard entry.dtype.isFloatingPoint else {
      throw InputError(
        "\(source.path): \(entry.name)", expected: "dtype F64, F32, F16 or BF16",
        found: entry.dtype.rawValue)
    }
  }

  /// Writes elements in another element type, or as they are.
  /// - Returns: how many finite values became infinite
  private static func convert(
    _ bytes: UnsafeRawBufferPointer, _ dtype: SafetensorsDType, to target: SafetensorsDType,
    write: SafetensorsWriter.Sink
  ) throws -> Int {
    if dtype == target {
      try write(bytes)
      return 0
    }
    let count = bytes.count / dtype.byteCount
    let batch = UnsafeMutableRawBufferPointer.allocate(
      byteCount: min(count, batchElementCount) * target.byteCount, alignment: 16)
    defer { batch.deallocate() }
    var overflowCount = 0
    for start in stride(from: 0, to: count, by: batchElementCount) {
      let end = min(count, start + batchElementCount)
      let part = UnsafeRawBufferPointer(
        rebasing: bytes[start * dtype.byteCount..<end * dtype.byteCount])
      let encoded = UnsafeMutableRawBufferPointer(
        rebasing: batch[..<((end - start) * target.byteCount)])
      overflowCount += encode(part, dtype, into: encoded, target)
      try write(UnsafeRawBufferPointer(encoded))
    }
    return overflowCount
  }

  /// Converts on all cores, in blocks that stay in a processor's cache.
  /// - Returns: how many finite values became infinite
  private static func encode(
    _ source: UnsafeRawBufferPointer, _ dtype: SafetensorsDType,
    into target: UnsafeMutableRawBufferPointer, _ targetDType: SafetensorsDType
  ) -> Int {
    let count = source.count / dtype.byteCount
    let block = ParameterTransfer.blockElementCount
    let overflowCount = Mutex(0)
    // Safe to share: each task writes elements of its own, and all end before this returns.
    nonisolated(unsafe) let (source, target) = (source, target)
    DispatchQueue.concurrentPerform(iterations: (count + block - 1) / block) { index in
      let range = index * block..<min(count, (index + 1) * block)
      let overflows = withUnsafeTemporaryAllocation(of: Float.self, capacity: range.count) {
        values in
        let (size, targetSize) = (dtype.byteCount, targetDType.byteCount)
        FloatConversion.decode(
          UnsafeRawBufferPointer(
            rebasing: source[range.lowerBound * size..<range.upperBound * size]),
          as: dtype, into: values)
        return FloatConversion.encode(
          UnsafeBufferPointer(values), as: targetDType,
          into: UnsafeMutableRawBufferPointer(
            rebasing: target[range.lowerBound * targetSize..<range.upperBound * targetSize]))
      }
      if overflows > 0 { overflowCount.withLock { $0 += overflows } }
    }
    return overflowCount.withLock { $0 }
  }
}
