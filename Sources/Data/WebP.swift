import CWebP
import Graph

extension WebPBitstreamFeatures: PictureHeader {}

/// WebP files: lossy and lossless, with or without transparency; animations are refused.
///
/// - Source: Google's WebP container specification (RIFF chunks VP8, VP8L, VP8X, EXIF).
enum WebP: PictureCodec {
  static let format = ImageFormat.webp

  static func header(_ bytes: [UInt8], _ name: String) throws -> WebPBitstreamFeatures {
    var features = WebPBitstreamFeatures()
    let status = WebPGetFeatures(bytes, bytes.count, &features)
    guard status == VP8_STATUS_OK else { throw corrupt(name, reason(status)) }
    guard features.has_animation == 0 else {
      throw InputError(
        name, expected: "a still picture", found: "an animated WebP",
        hint: "save the frame you want as a picture of its own")
    }
    return features
  }

  static func decode(_ bytes: [UInt8], _ name: String) throws -> Image {
    var config = WebPDecoderConfig()
    guard WebPInitDecoderConfig(&config) != 0 else {
      throw InputError(name, expected: "the libwebp it was built with", found: "another version")
    }
    let (_, width, height) = try opened(bytes, name)
    config.output.colorspace = MODE_RGBA
    config.output.is_external_memory = 1
    var rgba = [UInt8](repeating: 0, count: width * height * 4)
    let status = rgba.withUnsafeMutableBufferPointer { pixels in
      config.output.u.RGBA.rgba = pixels.baseAddress
      config.output.u.RGBA.stride = Int32(width * 4)
      config.output.u.RGBA.size = pixels.count
      return WebPDecode(bytes, bytes.count, &config)
    }
    guard status == VP8_STATUS_OK else { throw corrupt(name, reason(status)) }
    return Image(Raster.overWhite(rgba: rgba, width: width, height: height))
  }

  private static func reason(_ status: VP8StatusCode) -> String {
    switch status {
    case VP8_STATUS_OUT_OF_MEMORY: "out of memory"
    case VP8_STATUS_NOT_ENOUGH_DATA, VP8_STATUS_SUSPENDED: "the file ends too early"
    case VP8_STATUS_UNSUPPORTED_FEATURE: "a feature that libwebp does not read"
    default: "invalid bitstream"
    }
  }

  /// The orientation in the EXIF chunk, if there is one.
  static func orientation(_ bytes: [UInt8]) -> Orientation {
    var start = 12
    while start + 8 <= bytes.count {
      let length = bytes[(start + 4)..<(start + 8)].reversed().reduce(0) { $0 << 8 | Int($1) }
      guard length <= bytes.count - start - 8 else { break }
      if bytes[start..<(start + 4)].elementsEqual("EXIF".utf8) {
        return Orientation(exif: bytes[(start + 8)..<(start + 8 + length)])
      }
      start += 8 + length + length % 2
    }
    return .upright
  }
}
