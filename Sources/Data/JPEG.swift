import CJPEG
import Graph

extension CJPEGHeader: PictureHeader {}

/// JPEG files: grey, YCbCr, RGB, CMYK and YCCK, baseline and progressive.
///
/// - Source: ITU-T T.81 annex B (markers); Adobe technical note 5116 (inverted CMYK).
enum JPEG: PictureCodec {
  static let format = ImageFormat.jpeg

  static func header(_ bytes: [UInt8], _ name: String) throws -> CJPEGHeader {
    var header = CJPEGHeader()
    try check(name, messageSize: Int(CJPEG_MESSAGE_SIZE)) {
      cjpeg_header(bytes, bytes.count, &header, $0)
    }
    return header
  }

  static func decode(_ bytes: [UInt8], _ name: String) throws -> Image {
    let (header, width, height) = try opened(bytes, name)
    let channels = Int(header.channels)
    var pixels = [UInt8](repeating: 0, count: width * height * channels)
    try check(name, messageSize: Int(CJPEG_MESSAGE_SIZE)) {
      cjpeg_decode(bytes, bytes.count, &pixels, $0)
    }
    if channels == 4 { pixels = rgb(fromInvertedCMYK: pixels) }
    return Image(width: width, height: height, rgb: pixels)
  }

  /// Stored values are 255 - ink, so red = c k / 255.
  private static func rgb(fromInvertedCMYK pixels: [UInt8]) -> [UInt8] {
    var rgb: [UInt8] = []
    rgb.reserveCapacity(pixels.count / 4 * 3)
    for start in stride(from: 0, to: pixels.count, by: 4) {
      let key = UInt32(pixels[start + 3])
      for channel in 0..<3 {
        rgb.append(UInt8((UInt32(pixels[start + channel]) * key + 127) / 255))
      }
    }
    return rgb
  }

  /// The orientation in the EXIF block among the markers before the first scan.
  static func orientation(_ bytes: [UInt8]) -> Orientation {
    var start = 2
    while start + 4 <= bytes.count, bytes[start] == 0xff {
      let marker = bytes[start + 1]
      if marker == 0xff {  // fill bytes before a marker
        start += 1
        continue
      }
      if marker == 0xda || marker == 0xd9 { break }
      let length = Int(bytes[start + 2]) << 8 | Int(bytes[start + 3])
      guard length >= 2, start + 2 + length <= bytes.count else { break }
      let data = bytes[(start + 4)..<(start + 2 + length)]
      if marker == 0xe1, data.starts(with: Array("Exif\0\0".utf8)) {
        return Orientation(exif: data)
      }
      start += 2 + length
    }
    return .upright
  }
}
