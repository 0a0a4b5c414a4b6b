import Glibc
import Graph

/// What a cached value was made from, as a digest: a changed input has another key, so that nothing
/// stale is ever found.
public struct CacheKey: Hashable, Sendable {
  /// SHA-256 over kind and parts, 64 hexadecimal digits.
  public let digest: String

  /// - Parameters:
  ///   - kind: what the value is; change it when what is computed changes.
  ///   - parts: all that the value depends on, in order.
  public init(kind: String, _ parts: [String]) {
    digest = SHA256.hex(Self.joined([kind] + parts))
  }

  /// The VAE's output for a picture: depends on the file, the VAE's weights, and the placement.
  public static func latents(
    imageHash: String, vaeHash: String, placement: Placement
  ) -> CacheKey {
    let numbers = [
      placement.resizedWidth, placement.resizedHeight, placement.cropTop, placement.cropLeft,
      placement.bucket.width, placement.bucket.height, placement.isFlipped ? 1 : 0,
    ]
    return CacheKey(kind: "latents 1", [imageHash, vaeHash] + numbers.map(String.init))
  }

  /// The text encoders' output for a caption: depends on its text and their weights.
  public static func textEmbedding(caption: String, encoderHash: String) -> CacheKey {
    CacheKey(kind: "text 1", [caption, encoderHash])
  }

  /// The parts with their lengths, so that no two lists give the same bytes.
  static func joined(_ parts: [String]) -> [UInt8] {
    parts.flatMap { Array("\($0.utf8.count):".utf8) + Array($0.utf8) }
  }
}

/// A named f32 tensor as it is kept on disk, row-major.
public struct CachedTensor: Equatable, Sendable {
  public var name: String
  /// Sizes, outermost dimension first.
  public var shape: [Int]
  /// Elements, row-major.
  public var values: [Float]

  /// - Precondition: `values` has as many elements as `shape` says.
  public init(name: String, shape: [Int], values: [Float]) {
    precondition(values.count == shape.reduce(1, *))
    self.name = name
    self.shape = shape
    self.values = values
  }
}

/// Tensors on disk, one file for each key, written whole and checked when read.
public struct ContentCache: Sendable {
  /// The folder of the cache.
  public let folder: String

  /// Opens the cache in `folder`, which is made if it is missing.
  ///
  /// - Throws: `InputError` if it cannot be made.
  public init(_ folder: String) throws {
    self.folder = folder
    try Files.makeFolder(folder)
  }

  /// The stored value; nil if there is none or it is damaged.
  public func stored(_ key: CacheKey) -> [CachedTensor]? {
    guard let bytes = try? Files.read(path(of: key)) else { return nil }
    return CacheEntry.decoded(bytes, key)
  }

  /// Whether there is an entry, whole or damaged.
  func hasEntry(_ key: CacheKey) -> Bool { access(path(of: key), F_OK) == 0 }

  /// Stores a value, in place of one that is there.
  ///
  /// - Throws: `InputError` if it cannot be written; nothing is changed then.
  public func store(_ tensors: [CachedTensor], for key: CacheKey) throws {
    let path = path(of: key)
    try Files.makeFolder(FilePath.folder(of: path))
    try Files.writeAtomically(CacheEntry.encoded(tensors, key), to: path)
  }

  /// Folders by the first two digits keep each small.
  func path(of key: CacheKey) -> String {
    "\(folder)/\(key.digest.prefix(2))/\(key.digest).vkxlcache"
  }
}

/// The layout of a cache file, little-endian: magic (8 bytes), key digest (64), number of tensors
/// (8), then for each: length of the name (8), name, rank (8), sizes (8 each), f32 values; at the end
/// the SHA-256 of all before (32).
enum CacheEntry {
  static let magic = Array("VKXLCCH1".utf8)
  private static let checksumCount = 32

  static func encoded(_ tensors: [CachedTensor], _ key: CacheKey) -> [UInt8] {
    var bytes = magic + Array(key.digest.utf8)
    func append(_ number: Int) {
      withUnsafeBytes(of: UInt64(number).littleEndian) { bytes += $0 }
    }
    append(tensors.count)
    for tensor in tensors {
      append(tensor.name.utf8.count)
      bytes += tensor.name.utf8
      append(tensor.shape.count)
      for size in tensor.shape { append(size) }
      let words = tensor.values.map(\.bitPattern.littleEndian)
      words.withUnsafeBytes { bytes += $0 }
    }
    return bytes + SHA256.digest(bytes)
  }

  /// nil if anything is not as it must be.
  static func decoded(_ bytes: [UInt8], _ key: CacheKey) -> [CachedTensor]? {
    let start = magic + Array(key.digest.utf8)
    let end = bytes.count - checksumCount
    guard end >= start.count, bytes.starts(with: start),
      SHA256.digest(Array(bytes[..<end])).elementsEqual(bytes[end...])
    else { return nil }
    var reader = Reader(bytes: bytes, position: start.count, end: end)
    guard let count = reader.number() else { return nil }
    var tensors: [CachedTensor] = []
    for _ in 0..<count {
      guard let tensor = reader.tensor() else { return nil }
      tensors.append(tensor)
    }
    return reader.position == end ? tensors : nil
  }

  private struct Reader {
    let bytes: [UInt8]
    var position: Int
    let end: Int

    /// A number below 2^32: none of ours is larger.
    mutating func number() -> Int? {
      guard end - position >= 8 else { return nil }
      let value = bytes.withUnsafeBytes {
        UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: position, as: UInt64.self))
      }
      position += 8
      return UInt32(exactly: value).map { Int($0) }
    }

    mutating func tensor() -> CachedTensor? {
      guard let nameCount = number(), nameCount <= end - position else { return nil }
      let name = String(decoding: bytes[position..<(position + nameCount)], as: UTF8.self)
      position += nameCount
      guard let rank = number(), rank <= 8 else { return nil }
      var shape: [Int] = []
      var count = 1
      for _ in 0..<rank {
        guard let size = number() else { return nil }
        let (product, overflow) = count.multipliedReportingOverflow(by: size)
        if overflow { return nil }
        count = product
        shape.append(size)
      }
      guard count <= (end - position) / 4 else { return nil }
      let values = bytes.withUnsafeBytes { buffer in
        (0..<count).map { index in
          Float(
            bitPattern: UInt32(
              littleEndian: buffer.loadUnaligned(
                fromByteOffset: position + 4 * index, as: UInt32.self)))
        }
      }
      position += 4 * count
      return CachedTensor(name: name, shape: shape, values: values)
    }
  }
}
