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

    /// Weights of the outputs in `range`, of `outputCount` made from `inputCount`.
    init(from inputCount: Int, to outputCount: Int, _ range: Range<Int>) {
      let step = Double(inputCount) / Double(outputCount)
      let scale = max(1, step)
      let support = Lanczos.lobes * scale
      for index in range {
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

    /// The inputs that any output reads; windows move forward.
    var inputs: Range<Int> {
      guard let first = windows.first, let last = windows.last else { return 0..<0 }
      return first.first..<(last.first + last.count)
    }
  }

  static func kernel(_ x: Double) -> Double {
    guard -lobes <= x && x < lobes else { return 0 }
    return sinc(x) * sinc(x / lobes)
  }

  static func sinc(_ x: Double) -> Double {
    x == 0 ? 1 : sin(x * .pi) / (x * .pi)
  }

  /// The part (`columns`, `rows`) of `raster` resized to `width` x `height`; the rest is not computed.
  static func resized<Sample>(
    _ raster: Raster<Sample>, width: Int, height: Int, columns: Range<Int>, rows: Range<Int>
  ) -> Raster<Sample> {
    precondition(width > 0 && height > 0)
    precondition(columns.lowerBound >= 0 && columns.upperBound <= width)
    precondition(rows.lowerBound >= 0 && rows.upperBound <= height)
    let vertical = Filter(from: raster.height, to: height, rows)
    let needed = height == raster.height ? rows : vertical.inputs
    var result = raster
    if width != raster.width {
      result = across(raster, Filter(from: raster.width, to: width, columns), needed)
    } else if columns.count < width || needed.count < raster.height {
      result = raster.cropped(
        top: needed.lowerBound, left: columns.lowerBound, width: columns.count,
        height: needed.count)
    }
    return height == raster.height ? result : down(result, vertical, from: needed.lowerBound)
  }

  /// Rows `rows` of `raster`, filtered across.
  @_specialize(where Sample == UInt8)
  @_specialize(where Sample == UInt16)
  private static func across<Sample>(
    _ raster: Raster<Sample>, _ filter: Filter, _ rows: Range<Int>
  ) -> Raster<Sample> {
    let half = 1 << (fractionBits - 1)
    let width = filter.windows.count
    let values = [Sample](unsafeUninitializedCapacity: width * rows.count * 3) { out, filled in
      raster.samples.withUnsafeBufferPointer { input in
        filter.weights.withUnsafeBufferPointer { weights in
          for y in rows {
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
    return Raster(width: width, height: rows.count, samples: values)
  }

  /// `raster`, whose first row is number `firstRow` of the filter's inputs, filtered down; row by
  /// row, so that memory is walked in order.
  @_specialize(where Sample == UInt8)
  @_specialize(where Sample == UInt16)
  private static func down<Sample>(
    _ raster: Raster<Sample>, _ filter: Filter, from firstRow: Int
  ) -> Raster<Sample> {
    let rowCount = raster.width * 3
    let height = filter.windows.count
    var sums = [Int](repeating: 0, count: rowCount)
    let values = [Sample](unsafeUninitializedCapacity: rowCount * height) { out, filled in
      raster.samples.withUnsafeBufferPointer { input in
        sums.withUnsafeMutableBufferPointer { sums in
          for window in filter.windows {
            sums.update(repeating: 1 << (fractionBits - 1))
            for tap in 0..<window.count {
              let weight = filter.weights[window.offset + tap]
              let start = (window.first - firstRow + tap) * rowCount
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
