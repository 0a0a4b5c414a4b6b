/// RGB samples of one width, interleaved, rows from the top: what `Image` does at 8 and at 16 bits.
struct Raster<Sample: FixedWidthInteger & UnsignedInteger & Sendable>: Equatable, Sendable {
  let width: Int
  let height: Int
  var samples: [Sample]

  init(width: Int, height: Int, samples: [Sample]) {
    precondition(samples.count == width * height * 3)
    self.width = width
    self.height = height
    self.samples = samples
  }

  /// Pixel (x, y) of the result is pixel `source(x, y)` of this one.
  func gathered(width: Int, height: Int, _ source: (Int, Int) -> (x: Int, y: Int)) -> Raster {
    let values = [Sample](unsafeUninitializedCapacity: width * height * 3) { out, count in
      samples.withUnsafeBufferPointer { samples in
        for y in 0..<height {
          for x in 0..<width {
            let from = source(x, y)
            let start = (from.y * self.width + from.x) * 3
            for channel in 0..<3 {
              out.initializeElement(at: count + channel, to: samples[start + channel])
            }
            count += 3
          }
        }
      }
    }
    return Raster(width: width, height: height, samples: values)
  }

  func cropped(top: Int, left: Int, width: Int, height: Int) -> Raster {
    precondition(top >= 0 && left >= 0 && top + height <= self.height && left + width <= self.width)
    var values: [Sample] = []
    values.reserveCapacity(width * height * 3)
    for y in top..<(top + height) {
      let start = (y * self.width + left) * 3
      values += samples[start..<(start + width * 3)]
    }
    return Raster(width: width, height: height, samples: values)
  }

  func flipped() -> Raster {
    gathered(width: width, height: height) { x, y in (width - 1 - x, y) }
  }

  func upright(from orientation: Orientation) -> Raster {
    if orientation == .upright { return self }
    let turns = orientation.swapsSides
    return gathered(width: turns ? height : width, height: turns ? width : height) { x, y in
      orientation.source(x, y, width: width, height: height)
    }
  }

  /// RGBA over white: round(c a + m (m - a)) / m with m the largest sample.
  static func overWhite(rgba: [Sample], width: Int, height: Int) -> Raster {
    let most = UInt64(Sample.max)
    let values = [Sample](unsafeUninitializedCapacity: width * height * 3) { out, count in
      rgba.withUnsafeBufferPointer { rgba in
        for pixel in 0..<(width * height) {
          let alpha = UInt64(rgba[pixel * 4 + 3])
          for channel in 0..<3 {
            let colour = UInt64(rgba[pixel * 4 + channel])
            let value = (colour * alpha + most * (most - alpha) + most / 2) / most
            out.initializeElement(at: count, to: Sample(truncatingIfNeeded: value))
            count += 1
          }
        }
      }
    }
    return Raster(width: width, height: height, samples: values)
  }
}
