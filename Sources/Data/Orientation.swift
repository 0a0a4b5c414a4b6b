/// How a stored picture must be turned to be seen upright: EXIF's tag 0x0112.
///
/// - Source: CIPA DC-008 (Exif 2.32), table 4, tag 274; TIFF 6.0 for the layout around it.
public enum Orientation: Int, Sendable, CaseIterable {
  case upright = 1
  case mirrored = 2
  case upsideDown = 3
  case upsideDownMirrored = 4
  case transposed = 5
  case turnRight = 6
  case transversed = 7
  case turnLeft = 8

  /// Whether the upright picture's width is the stored one's height.
  public var swapsSides: Bool { rawValue >= 5 }

  /// The stored pixel that is seen at (x, y), in a stored picture of `width` x `height`.
  func source(_ x: Int, _ y: Int, width: Int, height: Int) -> (x: Int, y: Int) {
    switch self {
    case .upright: (x, y)
    case .mirrored: (width - 1 - x, y)
    case .upsideDown: (width - 1 - x, height - 1 - y)
    case .upsideDownMirrored: (x, height - 1 - y)
    case .transposed: (y, x)
    case .turnRight: (y, height - 1 - x)
    case .transversed: (width - 1 - y, height - 1 - x)
    case .turnLeft: (width - 1 - y, x)
    }
  }

  /// From an EXIF block: a TIFF header, with or without "Exif\0\0" before it. What cannot be read
  /// is upright: a damaged note must not cost the picture.
  init(exif: ArraySlice<UInt8>) {
    let prefix = Array("Exif\0\0".utf8)
    let tiff = TIFF(exif.starts(with: prefix) ? exif.dropFirst(prefix.count) : exif)
    self = tiff?.orientation.flatMap(Orientation.init(rawValue:)) ?? .upright
  }
}

/// The little of TIFF that holds the orientation.
private struct TIFF {
  let bytes: ArraySlice<UInt8>
  let isBigEndian: Bool

  init?(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    if bytes.starts(with: Array("II".utf8)) {
      isBigEndian = false
    } else if bytes.starts(with: Array("MM".utf8)) {
      isBigEndian = true
    } else {
      return nil
    }
  }

  func integer(at offset: Int, byteCount: Int) -> Int? {
    let start = bytes.startIndex + offset
    guard offset >= 0, start + byteCount <= bytes.endIndex else { return nil }
    let part = bytes[start..<(start + byteCount)]
    return (isBigEndian ? Array(part) : part.reversed()).reduce(0) { $0 << 8 | Int($1) }
  }

  var orientation: Int? {
    guard integer(at: 2, byteCount: 2) == 42, let directory = integer(at: 4, byteCount: 4),
      let count = integer(at: directory, byteCount: 2)
    else { return nil }
    for index in 0..<count {
      let entry = directory + 2 + index * 12
      guard let tag = integer(at: entry, byteCount: 2) else { return nil }
      if tag == 0x0112, integer(at: entry + 2, byteCount: 2) == 3 {
        return integer(at: entry + 8, byteCount: 2)
      }
    }
    return nil
  }
}
