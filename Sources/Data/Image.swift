import Graph

/// An RGB picture, rows from the top, of 8 or 16 bits a sample as its file had; never transparent.
///
/// Values are the file's, with no colour management: as Pillow gives them, gamma included.
public struct Image: Equatable, Sendable {
  enum Storage: Equatable, Sendable {
    case eight(Raster<UInt8>)
    case sixteen(Raster<UInt16>)
  }

  let storage: Storage

  init(_ raster: Raster<UInt8>) { storage = .eight(raster) }
  init(_ raster: Raster<UInt16>) { storage = .sixteen(raster) }

  /// An 8-bit picture from interleaved RGB.
  ///
  /// - Precondition: `rgb` has width * height * 3 values.
  public init(width: Int, height: Int, rgb: [UInt8]) {
    self.init(Raster(width: width, height: height, samples: rgb))
  }

  /// A picture of one colour (red, green, blue).
  public init(width: Int, height: Int, filledWith colour: (UInt8, UInt8, UInt8)) {
    var rgb = [UInt8](repeating: colour.0, count: width * height * 3)
    for pixel in 0..<(width * height) {
      rgb[pixel * 3 + 1] = colour.1
      rgb[pixel * 3 + 2] = colour.2
    }
    self.init(width: width, height: height, rgb: rgb)
  }

  /// An 8-bit picture from [H, W, 3] values in [-1, 1]: round((x + 1) 127.5), clamped; NaN is black.
  ///
  /// - Precondition: `normalized` has width * height * 3 values.
  public init(width: Int, height: Int, normalized: [Float]) {
    let rgb = normalized.map { value -> UInt8 in
      let level = ((value + 1) * 127.5).rounded()
      return level >= 255 ? 255 : level > 0 ? UInt8(level) : 0
    }
    self.init(width: width, height: height, rgb: rgb)
  }

  /// Pixels across.
  public var width: Int {
    switch storage {
    case .eight(let raster): raster.width
    case .sixteen(let raster): raster.width
    }
  }

  /// Pixels down.
  public var height: Int {
    switch storage {
    case .eight(let raster): raster.height
    case .sixteen(let raster): raster.height
    }
  }

  /// Bits of a sample: 8 or 16.
  public var bitsPerSample: Int {
    switch storage {
    case .eight: 8
    case .sixteen: 16
    }
  }

  /// Interleaved RGB at 8 bits; 16-bit samples become round(v / 257).
  public var rgb: [UInt8] {
    switch storage {
    case .eight(let raster): raster.samples
    case .sixteen(let raster): raster.samples.map { UInt8((UInt32($0) + 128) / 257) }
    }
  }

  /// Interleaved RGB in [0, 255]; 16-bit samples are v / 257, exact to their last bit.
  public var levels: [Float] {
    switch storage {
    case .eight(let raster): raster.samples.map { Float($0) }
    case .sixteen(let raster): raster.samples.map { Float($0) / 257 }
    }
  }

  /// The VAE's input: [H, W, 3] in [-1, 1], 2 v / max - 1.
  public var normalized: [Float] {
    switch storage {
    case .eight(let raster): raster.samples.map { Float($0) / 127.5 - 1 }
    case .sixteen(let raster): raster.samples.map { Float($0) / 32767.5 - 1 }
    }
  }

  /// The part with its corner at (`top`, `left`).
  ///
  /// - Precondition: it lies inside the picture.
  public func cropped(top: Int, left: Int, width: Int, height: Int) -> Image {
    switch storage {
    case .eight(let raster):
      Image(raster.cropped(top: top, left: left, width: width, height: height))
    case .sixteen(let raster):
      Image(raster.cropped(top: top, left: left, width: width, height: height))
    }
  }

  /// Mirrored left to right.
  public func flipped() -> Image {
    switch storage {
    case .eight(let raster): Image(raster.flipped())
    case .sixteen(let raster): Image(raster.flipped())
    }
  }

  /// Turned as its file's EXIF orientation asks.
  public func upright(from orientation: Orientation) -> Image {
    switch storage {
    case .eight(let raster): Image(raster.upright(from: orientation))
    case .sixteen(let raster): Image(raster.upright(from: orientation))
    }
  }

  /// Resampled with an antialiased Lanczos filter (a = 3); see `Lanczos`.
  ///
  /// - Precondition: `width` and `height` > 0.
  public func resized(width: Int, height: Int) -> Image {
    resized(width: width, height: height, columns: 0..<width, rows: 0..<height)
  }

  /// A part of the picture resampled to `width` x `height`, without computing the rest.
  func resized(width: Int, height: Int, columns: Range<Int>, rows: Range<Int>) -> Image {
    switch storage {
    case .eight(let raster):
      Image(
        Lanczos.resized(raster, width: width, height: height, columns: columns, rows: rows))
    case .sixteen(let raster):
      Image(
        Lanczos.resized(raster, width: width, height: height, columns: columns, rows: rows))
    }
  }
}
