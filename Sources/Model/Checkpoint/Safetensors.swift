import Glibc
import Graph

/// A safetensors file, memory-mapped and fully validated.
///
/// Tensors are read from the page cache when asked for; opening costs the header only.
///
/// `@unchecked Sendable`: every stored property is constant, and the mapping is private and
/// read-only until `deinit`. (As with any mapping, truncating the file while it is open kills the
/// process: this program replaces files by renaming, never in place.)
///
/// - Source: safetensors, `README.md` ("Format")
public final class Safetensors: @unchecked Sendable {
  /// The file, as it was given.
  public let path: String
  /// Tensors in the header's order.
  public let entries: [TensorEntry]
  /// The header's `__metadata__`.
  public let metadata: [String: String]
  /// Bytes of the whole file.
  public let fileByteCount: Int

  private let mapping: UnsafeMutableRawPointer
  private let dataStart: Int
  private let indexByName: [String: Int]

  /// The largest header that safetensors itself accepts.
  static let headerByteLimit = 100_000_000

  /// Maps and validates the file.
  ///
  /// - Throws: `InputError` naming the file (and the tensor) for anything wrong with it
  public init(path: String) throws {
    let (mapping, byteCount) = try Self.map(path)
    do {
      let file = UnsafeRawBufferPointer(start: mapping, count: byteCount)
      let headerByteCount = try Self.headerByteCount(of: file, path: path)
      let dataStart = 8 + headerByteCount
      let header = try SafetensorsHeader(
        parsing: UnsafeRawBufferPointer(rebasing: file[8..<dataStart]),
        dataByteCount: byteCount - dataStart, path: path)
      self.path = path
      self.entries = header.entries
      self.metadata = header.metadata
      self.fileByteCount = byteCount
      self.mapping = mapping
      self.dataStart = dataStart
      self.indexByName = Dictionary(
        uniqueKeysWithValues: header.entries.enumerated().map { ($1.name, $0) })
    } catch {
      munmap(mapping, byteCount)
      throw error
    }
  }

  deinit {
    munmap(mapping, fileByteCount)
  }

  /// The tensor of that name; nil when there is none.
  public subscript(name: String) -> TensorEntry? {
    indexByName[name].map { entries[$0] }
  }

  /// The tensor of that name.
  ///
  /// - Throws: `InputError` when there is none
  public func entry(_ name: String) throws -> TensorEntry {
    guard let entry = self[name] else {
      let names = entries.prefix(8).map(\.name).joined(separator: ", ")
      throw InputError(
        path, expected: "a tensor `\(name)`", found: "none of that name",
        hint: entries.isEmpty
          ? "the file holds no tensors"
          : "the file holds \(names)"
            + (entries.count > 8 ? " and \(entries.count - 8) more" : ""))
    }
    return entry
  }

  /// The bytes of a tensor of this file, as stored; valid within `body` only, perhaps unaligned.
  public func withBytes<R>(
    of entry: TensorEntry, _ body: (UnsafeRawBufferPointer) throws -> R
  ) rethrows -> R {
    precondition(dataStart + entry.byteRange.upperBound <= fileByteCount)
    let start = mapping + (dataStart + entry.byteRange.lowerBound)
    defer { withExtendedLifetime(self) {} }
    return try body(UnsafeRawBufferPointer(start: start, count: entry.byteRange.count))
  }

  /// Asks the system to read a tensor's bytes from the disk while the program does something else.
  func prefetch(_ entry: TensorEntry) {
    advise(entry, MADV_WILLNEED)
  }

  /// Lets go of the memory that a tensor's bytes take in this process; the page cache keeps what it
  /// likes, and reading them again is as right as before.
  public func release(_ entry: TensorEntry) {
    advise(entry, MADV_DONTNEED)
  }

  private func advise(_ entry: TensorEntry, _ advice: Int32) {
    let pageByteCount = Int(getpagesize())
    let range = dataStart + entry.byteRange.lowerBound..<dataStart + entry.byteRange.upperBound
    let start = range.lowerBound / pageByteCount * pageByteCount
    if range.isEmpty { return }
    // Advice: what the system does not follow costs time or memory, not results.
    _ = madvise(mapping + start, range.upperBound - start, advice)
  }

  /// All elements, row-major: exact for F32, F16 and BF16, rounded for F64.
  ///
  /// - Throws: `InputError` when there is no such tensor or it does not hold such values
  public func floats(_ name: String) throws -> [Float] {
    try floats(entry(name))
  }

  /// All elements of `entry`, row-major.
  public func floats(_ entry: TensorEntry) throws -> [Float] {
    try floats(entry, elements: 0..<entry.elementCount)
  }

  /// Some elements of `entry` by row-major index, so that a large tensor can be read in pieces.
  ///
  /// - Throws: `InputError` unless the dtype is F64, F32, F16 or BF16
  public func floats(_ entry: TensorEntry, elements: Range<Int>) throws -> [Float] {
    guard entry.dtype.isFloatingPoint else {
      throw InputError(
        "\(path): \(entry.name)", expected: "dtype F64, F32, F16 or BF16",
        found: entry.dtype.rawValue)
    }
    let size = entry.dtype.byteCount
    return withBytes(of: entry) { bytes in
      let part = bytes[elements.lowerBound * size..<elements.upperBound * size]
      return [Float](unsafeUninitializedCapacity: elements.count) { buffer, count in
        // Exactly `elements` of it: the capacity may be larger.
        let target = UnsafeMutableBufferPointer(rebasing: buffer[..<elements.count])
        FloatConversion.decode(
          UnsafeRawBufferPointer(rebasing: part), as: entry.dtype, into: target)
        count = elements.count
      }
    }
  }

  /// All elements, row-major, without rounding.
  ///
  /// - Throws: `InputError` when there is no such tensor or it does not hold such values
  public func doubles(_ name: String) throws -> [Double] {
    let entry = try entry(name)
    guard entry.dtype == .f64 else { return try floats(entry).map(Double.init) }
    return withBytes(of: entry) { bytes in
      (0..<entry.elementCount).map {
        bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Double.self)
      }
    }
  }

  /// All elements of a tensor of integers, row-major.
  ///
  /// - Throws: `InputError` when there is no such tensor or it is not I64, I32, I16, I8, U32, U16,
  ///   U8 or BOOL
  public func integers(_ name: String) throws -> [Int] {
    let entry = try entry(name)
    func read<T: FixedWidthInteger>(_ type: T.Type) -> [Int] {
      withBytes(of: entry) { bytes in
        (0..<entry.elementCount).map {
          Int(bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.size, as: type))
        }
      }
    }
    switch entry.dtype {
    case .i64: return read(Int64.self)
    case .i32: return read(Int32.self)
    case .i16: return read(Int16.self)
    case .i8: return read(Int8.self)
    case .u32: return read(UInt32.self)
    case .u16: return read(UInt16.self)
    case .u8, .bool: return read(UInt8.self)
    case .u64, .f64, .f32, .f16, .bf16, .f8e4m3, .f8e5m2:
      throw InputError(
        "\(path): \(name)", expected: "a dtype of integers", found: entry.dtype.rawValue)
    }
  }

  // MARK: Opening

  private static func map(_ path: String) throws -> (UnsafeMutableRawPointer, Int) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw InputError(
        path, expected: "a readable safetensors file", found: systemMessage(errno))
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw InputError(
        path, expected: "a readable safetensors file", found: systemMessage(errno))
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw InputError(
        path, expected: "a safetensors file", found: ForeignFile.describeFolder(path),
        hint: ForeignFile.singleFileHint)
    }
    let byteCount = Int(status.st_size)
    guard byteCount >= 8 else {
      throw InputError(
        path, expected: "a safetensors file", found: "a file of \(byteCount) bytes",
        hint: "the file is truncated: copy or download it again")
    }
    guard let mapping = mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0),
      mapping != MAP_FAILED
    else {
      throw InputError(path, expected: "a file that can be mapped", found: systemMessage(errno))
    }
    return (mapping, byteCount)
  }

  private static func headerByteCount(
    of file: UnsafeRawBufferPointer, path: String
  ) throws -> Int {
    if let foreign = ForeignFile.describe(file) {
      throw InputError(
        path, expected: "a safetensors file", found: foreign.found, hint: foreign.hint)
    }
    let length = UInt64(littleEndian: file.loadUnaligned(as: UInt64.self))
    guard length <= headerByteLimit else {
      throw InputError(
        path, expected: "a header of at most \(headerByteLimit) bytes", found: "\(length) bytes",
        hint: "the file is damaged or not a safetensors file")
    }
    guard Int(length) <= file.count - 8 else {
      throw InputError(
        path, expected: "a header of \(length) bytes", found: "\(file.count - 8) bytes",
        hint: "the file is truncated: copy or download it again")
    }
    return Int(length)
  }
}

/// The system's words for an error number, such as "No space left on device".
func systemMessage(_ code: Int32) -> String {
  strerror(code).map { String(cString: $0) } ?? "error \(code)"
}
