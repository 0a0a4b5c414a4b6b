import Graph

/// The picture formats that are read, told by a file's first bytes and never by its name.
public enum ImageFormat: String, Sendable {
  case png = "PNG"
  case jpeg = "JPEG"
  case webp = "WebP"

  /// Bytes of a file that `init(head:)` needs.
  static let headByteCount = 16

  /// The format of a file that starts with `head`; nil if it is none of these.
  public init?(head: [UInt8]) {
    if head.starts(with: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]) {
      self = .png
    } else if head.starts(with: [0xff, 0xd8, 0xff]) {
      self = .jpeg
    } else if head.count >= 12, head.starts(with: Array("RIFF".utf8)),
      head[8..<12].elementsEqual("WEBP".utf8)
    {
      self = .webp
    } else {
      return nil
    }
  }

  /// The name of a format that people have pictures in but that is not read; nil if unknown.
  static func unsupportedName(head: [UInt8]) -> String? {
    func has(_ text: String, at offset: Int = 0) -> Bool {
      head.dropFirst(offset).starts(with: Array(text.utf8))
    }
    if has("GIF8") { return "GIF" }
    if has("BM") { return "BMP" }
    if has("II*\0") || has("MM\0*") { return "TIFF" }
    if has("ftypavif", at: 4) || has("ftypavis", at: 4) { return "AVIF" }
    if has("ftyphe", at: 4) || has("ftypmif1", at: 4) { return "HEIC" }
    if has("8BPS") { return "PSD" }
    if head.starts(with: [0xff, 0x0a]) || has("JXL ", at: 4) { return "JPEG XL" }
    return nil
  }
}

/// What a picture's header says, before its pixels are decoded.
public struct ImageHeader: Equatable, Sendable {
  /// The file's format.
  public var format: ImageFormat
  /// Pixels across as seen: after the orientation.
  public var width: Int
  /// Pixels down as seen.
  public var height: Int
  /// How the stored pixels must be turned.
  public var orientation: Orientation

  /// The most pixels a picture may have: 2^28, above any camera's, below what a hostile header says.
  public static let pixelLimit = 1 << 28

  /// Reads the header of a PNG, JPEG or WebP file.
  ///
  /// - Parameters:
  ///   - bytes: the file.
  ///   - name: what to call it in errors.
  /// - Throws: `InputError` if it is none of these, corrupt, or larger than `pixelLimit`.
  public init(_ bytes: [UInt8], name: String) throws {
    guard let format = ImageFormat(head: bytes) else {
      let known = ImageFormat.unsupportedName(head: bytes)
      throw InputError(
        name, expected: "a PNG, JPEG or WebP picture",
        found: known.map { "\($0), which is not read" } ?? "bytes of no known picture format")
    }
    let size = try format.codec.size(bytes, name)
    orientation = format.codec.orientation(bytes)
    guard size.width > 0, size.height > 0, size.width <= Self.pixelLimit / size.height else {
      throw InputError(
        name, expected: "a picture of at most \(Self.pixelLimit) pixels",
        found: "\(size.width) x \(size.height)")
    }
    self.format = format
    width = orientation.swapsSides ? size.height : size.width
    height = orientation.swapsSides ? size.width : size.height
  }
}

extension Image {
  /// Decodes a PNG, JPEG or WebP file: turned as its EXIF orientation asks, transparency over white,
  /// grey as equal red, green and blue, CMYK by (1 - c)(1 - k).
  ///
  /// - Parameters:
  ///   - bytes: the file.
  ///   - name: what to call it in errors.
  /// - Throws: `InputError` naming the file and the reason if it is not a picture that is read, is
  ///   truncated or corrupt (half a picture is never returned), or is larger than
  ///   `ImageHeader.pixelLimit`.
  public init(decoding bytes: [UInt8], name: String) throws {
    let header = try ImageHeader(bytes, name: name)
    let stored = try header.format.codec.decode(bytes, name)
    self = stored.upright(from: header.orientation)
  }

  /// Decodes the picture file at `path`; see `init(decoding:name:)`.
  public init(contentsOf path: String) throws {
    try self.init(decoding: Files.read(path), name: path)
  }
}
