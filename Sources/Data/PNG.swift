import CPNG
import Glibc
import Graph

extension CPNGHeader: PictureHeader {}

/// PNG files: reading for data sets, writing for samples.
///
/// - Source: W3C PNG specification, third edition: 11.2 (critical chunks), 11.3.3 (text), eXIf.
public enum PNG: PictureCodec {
  static let format = ImageFormat.png

  static func header(_ bytes: [UInt8], _ name: String) throws -> CPNGHeader {
    var header = CPNGHeader()
    try check(name) { cpng_header(bytes, bytes.count, &header, $0) }
    return header
  }

  private static func check(
    _ name: String, _ body: (UnsafeMutablePointer<CChar>) -> Int32
  ) throws {
    try check(name, messageSize: Int(CPNG_MESSAGE_SIZE), body)
  }

  static func decode(_ bytes: [UInt8], _ name: String) throws -> Image {
    let (header, width, height) = try opened(bytes, name)
    if header.bits == 16 {
      var rgba = [UInt16](repeating: 0, count: width * height * 4)
      try check(name) { cpng_decode(bytes, bytes.count, &rgba, $0) }
      return Image(Raster.overWhite(rgba: rgba, width: width, height: height))
    }
    var rgba = [UInt8](repeating: 0, count: width * height * 4)
    try check(name) { cpng_decode(bytes, bytes.count, &rgba, $0) }
    return Image(Raster.overWhite(rgba: rgba, width: width, height: height))
  }

  /// The chunks in order; stops where the file ends.
  static func chunks(_ bytes: [UInt8]) -> [(type: String, data: ArraySlice<UInt8>)] {
    var result: [(type: String, data: ArraySlice<UInt8>)] = []
    var start = 8
    while start + 12 <= bytes.count {
      let length = bytes[start..<(start + 4)].reduce(0) { $0 << 8 | Int($1) }
      guard length <= bytes.count - start - 12 else { break }
      let type = String(decoding: bytes[(start + 4)..<(start + 8)], as: UTF8.self)
      result.append((type, bytes[(start + 8)..<(start + 8 + length)]))
      start += 12 + length
    }
    return result
  }

  static func orientation(_ bytes: [UInt8]) -> Orientation {
    chunks(bytes).first { $0.type == "eXIf" }.map { Orientation(exif: $0.data) } ?? .upright
  }

  /// An 8-bit RGB PNG with text chunks.
  ///
  /// Text that Latin-1 can hold goes into tEXt, other text into iTXt, as Pillow's `add_text` does,
  /// which other programs expect: the key `parameters` is what they read settings from.
  ///
  /// - Parameters:
  ///   - image: the picture; 16-bit samples are rounded to 8.
  ///   - texts: key and text, in order. A key has 1 to 79 Latin-1 characters.
  /// - Throws: `InputError` for a key that PNG does not allow, a text with a zero in it, or when out
  ///   of memory.
  public static func encoded(
    _ image: Image, texts: [(key: String, text: String)] = []
  ) throws -> [UInt8] {
    var chunks: [CPNGText] = []
    defer {
      for chunk in chunks {
        free(chunk.key)
        free(chunk.text)
      }
    }
    for (key, text) in texts {
      guard let name = latin1(key), (1...79).contains(name.count), !name.contains(0) else {
        throw InputError(
          "PNG text key \"\(key)\"", expected: "1 to 79 Latin-1 characters", found: "\(key.count)")
      }
      guard !text.utf8.contains(0) else {
        throw InputError("PNG text \"\(key)\"", expected: "text", found: "a zero character in it")
      }
      let plain = latin1(text)
      chunks.append(
        CPNGText(
          key: copied(name), text: copied(plain ?? Array(text.utf8)),
          isUTF8: plain == nil ? 1 : 0))
    }
    var output: UnsafeMutablePointer<UInt8>?
    var count = 0
    defer { free(output) }
    try check("PNG output") {
      cpng_encode(
        image.rgb, UInt32(image.width), UInt32(image.height), chunks, chunks.count, &output,
        &count, $0)
    }
    return Array(UnsafeBufferPointer(start: output, count: count))
  }

  /// Writes an 8-bit RGB PNG; see `encoded(_:texts:)`. The file appears whole or not at all.
  ///
  /// - Throws: `InputError` if the file cannot be written.
  public static func write(
    _ image: Image, to path: String, texts: [(key: String, text: String)] = []
  ) throws {
    try Files.writeAtomically(encoded(image, texts: texts), to: path)
  }

  private static func latin1(_ text: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    for scalar in text.unicodeScalars {
      guard let byte = UInt8(exactly: scalar.value) else { return nil }
      bytes.append(byte)
    }
    return bytes
  }

  /// A C string of `bytes`, to be freed; nil when out of memory.
  private static func copied(_ bytes: [UInt8]) -> UnsafeMutablePointer<CChar>? {
    guard let block = malloc(bytes.count + 1) else { return nil }
    bytes.withUnsafeBytes {
      UnsafeMutableRawBufferPointer(start: block, count: bytes.count).copyMemory(from: $0)
    }
    let text = block.assumingMemoryBound(to: CChar.self)
    text[bytes.count] = 0
    return text
  }
}
