#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A folder of files that can be made again: compiled pipelines, SPIR-V, measured choices.
///
/// Files are written beside and renamed, so a reader sees a whole file or none. A cache that
/// cannot be read or written costs time, never correctness, so nothing here throws.
public struct CacheFolder: Sendable, Equatable {
  /// Path of the folder.
  public var path: String

  public init(path: String) { self.path = path }

  /// `$VKXL_CACHE`, else `$XDG_CACHE_HOME/vkxl`, else `~/.cache/vkxl`; nil without any of them.
  public static var standard: CacheFolder? {
    standard(environment: ProcessInfo.processInfo.environment)
  }

  static func standard(environment: [String: String]) -> CacheFolder? {
    func value(_ name: String) -> String? {
      environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
    if let path = value("VKXL_CACHE") { return CacheFolder(path: path) }
    if let path = value("XDG_CACHE_HOME") { return CacheFolder(path: path + "/vkxl") }
    if let path = value("HOME") { return CacheFolder(path: path + "/.cache/vkxl") }
    return nil
  }

  /// The payload of a file written by `write`; nil when missing, cut short or damaged.
  public func read(_ name: String) -> [UInt8]? {
    guard let data = try? Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)")) else {
      return nil
    }
    let bytes = [UInt8](data)
    let headerCount = Self.magic.count + 16
    guard bytes.count >= headerCount, Array(bytes.prefix(Self.magic.count)) == Self.magic else {
      return nil
    }
    let payload = Array(bytes[headerCount...])
    let hash = ContentHash(of: payload)
    return Array(bytes[Self.magic.count..<headerCount]) == hash.bytes ? payload : nil
  }

  /// Writes a payload with its hash before it.
  ///
  /// - Returns: whether the file is there now.
  @discardableResult
  public func write(_ payload: [UInt8], as name: String) -> Bool {
    let target = URL(fileURLWithPath: "\(path)/\(name)")
    do {
      try FileManager.default.createDirectory(
        at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
      let data = Data(Self.magic + ContentHash(of: payload).bytes + payload)
      try data.write(to: target, options: .atomic)
      return true
    } catch {
      return false
    }
  }

  private static let magic = [UInt8]("VKXLC01\n".utf8)
}

/// FNV-1a of 128 bits: names cache files by content and detects damage; not for security.
///
/// - Source: Fowler, Noll, Vo: "The FNV Non-Cryptographic Hash Algorithm" (IETF draft).
public struct ContentHash: Sendable, Hashable, CustomStringConvertible {
  private var state: UInt128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d
  private static let prime: UInt128 = (1 << 88) | 0x13b

  public init() {}

  public init(of bytes: some Sequence<UInt8>) { append(bytes) }

  public mutating func append(_ bytes: some Sequence<UInt8>) {
    for byte in bytes { state = (state ^ UInt128(byte)) &* Self.prime }
  }

  /// Appends a text and its length, so that neighbouring texts cannot run together.
  public mutating func append(_ text: String) {
    append(text.utf8)
    withUnsafeBytes(of: UInt64(text.utf8.count).littleEndian) { append($0) }
  }

  /// 16 bytes, the low ones first.
  public var bytes: [UInt8] {
    withUnsafeBytes(of: state.littleEndian) { Array($0) }
  }

  /// 32 hexadecimal digits.
  public var description: String { hexadecimal(bytes.reversed()) }
}
