import Glibc

/// Lanczos resampling with antialiasing: across, then down.
///
///     out[i] = sum_j w((j + 1/2 - c_i) / s) in[j] / sum_j w(...),   c_i = (i + 1/2) in / out,
///     s = max(1, in / out),   w(x) = sinc(x) sinc(x / 3) for |x| < 3
///
/// Weights are rounded to 22 bits of fraction and each pass rounds and clamps to the sample's
/// range. At 8 bits that is what Pillow's `Image.resize(size, Image.LANCZOS)` does, to the last bit,
/// so that a picture prepared here and one prepared by other trainers are the same.
///
/// - Source: Turkowski, "Filters for common resampling tasks" (Graphics Gems I, 1990); Pillow's
///   documentation of its convolution-based resampling.
enum Lanczos {
  static let lobes = 3.0
  static let fractionBits = 22

  /// Weights of one output position: those of inputs `first`..<`first + count`, at `offset`.
  struct Window {
    var first: Int
    var count: Int
    var offset: Int
  }

  /// All weights of a pass.
  struct Filter {
    var windows: [Window] = []
    var weights: [Int] = []

    init(from inputCount: Int, to outputCount: Int) {
      let step = Double(inputCount) / Double(outputCount)
      let scale = max(1, step)
      let support = Lanczos.lobes * scale
      for index in 0..<outputCount {
        let center = (Double(index) + 0.5) * step
        let first = max(0, Int(center - support + 0.5))
        let end = min(inputCount, Int(center + support + 0.5))
        let values = (first..<end).map { kernel((Double($0) - center + 0.5) * (1 / scale)) }
        let sum = values.reduce(0, +)
        windows.append(Window(first: first, count: values.count, offset: weights.count))
        weights += values.map { value in
          let fixed = value / sum * Double(1 << Lanczos.fractionBits)
          return Int(fixed + (fixed < 0 ? -0.5 : 0.5))
        }
      }
    }
  }

  static func kernel(_ x: Double) -> Double {
    guard -lobes <= x && x < lobes else { return 0 }
    return sinc(x) * sinc(x / lobes)
  }

  static func sinc(_ x: Double) -> Double {
    x == 0 ? 1 : sin(x * .pi) / (x * .pi)
  }

  static func resized<Sample>(
    _ raster: Raster<Sample>, width: Int, height: Int
  ) -> Raster<Sample> {
    precondition(width > 0 && height > 0)
    var result = raster
    if width != raster.width { result = across(result, width) }
    if height != raster.height { result = down(result, height) }
    return result
  }

  @_specialize(where Sample == UInt8)
  @_specialize(where Sample == UInt16)
  private static func across<Sample>(_ raster: Raster<Sample>, _ width: Int) -> Raster<Sample> {
    let filter = Filter(from: raster.width, to: width)
    let half = 1 << (fractionBits - 1)
    let values = [Sample](unsafeUninitializedCapacity: width * raster.height * 3) { out, filled in
      raster.samples.withUnsafeBufferPointer { input in
        filter.weights.withUnsafeBufferPointer { weights in
          for y in 0..<raster.height {
            for window in filter.windows {
              var (red, green, blue) = (half, half, half)
              var source = (y * raster.width + window.first) * 3
              for tap in window.offset..<(window.offset + window.count) {
                let weight = weights[tap]
                red &+= weight &* Int(input[source])
                green &+= weight &* Int(input[source + 1])
                blue &+= weight &* Int(input[source + 2])
                source += 3
              }
              out.initializeElement(at: filled, to: clamped(red))
              out.initializeElement(at: filled + 1, to: clamped(green))
              out.initializeElement(at: filled + 2, to: clamped(blue))
              filled += 3
            }
          }
        }
      }
    }
    return Raster(width: width, height: raster.height, samples: values)
  }

  /// Row by row, so that memory is walked in order.
  @_specialize(where Sample == UInt8)
  @_specialize(where Sample == UInt16)
  private static func down<Sample>(_ raster: Raster<Sample>, _ height: Int) -> Raster<Sample> {
    let filter = Filter(from: raster.height, to: height)
    let rowCount = raster.width * 3
    var sums = [Int](repeating: 0, count: rowCount)
    let values = [Sample](unsafeUninitializedCapacity: rowCount * height) { out, filled in
      raster.samples.withUnsafeBufferPointer { input in
        sums.withUnsafeMutableBufferPointer { sums in
          for window in filter.windows {
            sums.update(repeating: 1 << (fractionBits - 1))
            for tap in 0..<window.count {
              let weight = filter.weights[window.offset + tap]
              let start = (window.first + tap) * rowCount
              for index in 0..<rowCount { sums[index] &+= weight &* Int(input[start + index]) }
            }
            for index in 0..<rowCount {
              out.initializeElement(at: filled + index, to: clamped(sums[index]))
            }
            filled += rowCount
          }
        }
      }
    }
    return Raster(width: raster.width, height: height, samples: values)
  }

  @inline(__always)
  private static func clamped<Sample: FixedWidthInteger>(_ sum: Int) -> Sample {
    Sample(clamping: sum >> fractionBits)
  }
}
