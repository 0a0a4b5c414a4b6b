import Graph

/// How files of one picture format are read.
protocol PictureCodec {
  /// What the format's library says of a file before it decodes.
  associatedtype Header: PictureHeader

  static var format: ImageFormat { get }

  /// - Throws: `InputError` for a file that is corrupt or not read.
  static func header(_ bytes: [UInt8], _ name: String) throws -> Header

  /// The picture as stored, before it is turned.
  static func decode(_ bytes: [UInt8], _ name: String) throws -> Image

  /// How the stored pixels must be turned.
  static func orientation(_ bytes: [UInt8]) -> Orientation
}

/// A header that has the stored picture's sides.
protocol PictureHeader {
  associatedtype Side: BinaryInteger
  var width: Side { get }
  var height: Side { get }
}

extension PictureCodec {
  /// The header, with the sides as stored.
  static func opened(
    _ bytes: [UInt8], _ name: String
  ) throws -> (header: Header, width: Int, height: Int) {
    let header = try header(bytes, name)
    return (header, Int(header.width), Int(header.height))
  }

  static func size(_ bytes: [UInt8], _ name: String) throws -> (width: Int, height: Int) {
    let (_, width, height) = try opened(bytes, name)
    return (width, height)
  }

  static func corrupt(_ name: String, _ reason: String) -> InputError {
    InputError(
      name, expected: "a whole \(format.rawValue) picture", found: "corrupt data: \(reason)")
  }

  /// Calls a C function that fills a message when it fails (result not 0).
  static func check(
    _ name: String, messageSize: Int, _ body: (UnsafeMutablePointer<CChar>) -> Int32
  ) throws {
    try withUnsafeTemporaryAllocation(of: CChar.self, capacity: messageSize) { message in
      message.initialize(repeating: 0)
      guard let base = message.baseAddress else { return }
      if body(base) != 0 { throw corrupt(name, String(cString: base)) }
    }
  }
}

extension ImageFormat {
  var codec: any PictureCodec.Type {
    switch self {
    case .png: PNG.self
    case .jpeg: JPEG.self
    case .webp: WebP.self
    }
  }
}
