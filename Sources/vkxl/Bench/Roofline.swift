import Data
import Shaders

/// The roofline of a device: what kernels reach, by how much they compute for each byte.
///
/// - Source: Williams, Waterman, Patterson, Roofline, Communications of the ACM 52(4), 2009.
struct Roofline {
  /// Something that computes.
  struct Work {
    var name: String
    /// Its operation, which gives it its colour.
    var operation: String
    var flopCount: Int
    /// Read and written at least.
    var byteCount: Int
    var seconds: Double

    var intensity: Double { Double(flopCount) / Double(max(byteCount, 1)) }
  }

  var title: String
  /// The device and driver.
  var device: String
  var ceilings: DeviceCeilings
  var work: [Work]

  /// A point for each piece of work under the roof of the measured ceilings.
  var chart: LogChart {
    let shown = work.filter { $0.flopCount > 0 && $0.seconds > 0 && $0.seconds.isFinite }
    let points = shown.map { work in
      LogChart.Point(
        work.name, x: work.intensity, y: Double(work.flopCount) / work.seconds / 1e9,
        colour: Self.colour(work.operation), marker: Self.marker(work.name))
    }
    return LogChart(
      title: title, subtitle: device, xTitle: "arithmetic intensity, FLOP/byte",
      yTitle: "GFLOP/s", lines: roof(shown.map(\.intensity)), points: points)
  }

  /// The copy's slope and the flats of the multiply-adds and of matrix units, from below the least to
  /// above the greatest intensity.
  private func roof(_ intensities: [Double]) -> [LogChart.Line] {
    let bytes = ceilings.perSecond(.copy)
    let flats = ceilings.all.filter { $0.kind != .copy }
    let top = flats.map(\.perSecond).max() ?? 0
    let ridge = top / bytes
    let first = min(intensities.min() ?? ridge, ridge) / 2
    let last = max(intensities.max() ?? ridge, ridge) * 2
    let slope = LogChart.Line(
      "copy, \(Figures.rate(bytes, "B"))", [(first, first * bytes / 1e9), (ridge, top / 1e9)],
      colour: .black)
    return [slope]
      + flats.map {
        LogChart.Line(
          "\($0.kind.rawValue), \(Figures.rate($0.perSecond, "FLOP"))",
          [($0.perSecond / bytes, $0.perSecond / 1e9), (last, $0.perSecond / 1e9)], colour: .black)
      }
  }

  /// Words in the names of operations that give a point its colour; the rest is grey.
  private static let families = ["product", "convolution", "attention", "norm", "adamw"]

  private static func colour(_ operation: String) -> Colour {
    families.firstIndex { operation.split(separator: "_").contains($0[...]) }.map {
      Colour.series[$0]
    } ?? .grey
  }

  private static func marker(_ name: String) -> Marker {
    let words = name.split { $0 == " " || $0 == "_" }
    if words.contains("dw") || words.contains("weight") { return .triangle }
    return words.contains("dx") || words.contains("gradient") ? .square : .circle
  }
}

extension Roofline.Work {
  init(_ measurement: KernelMeasurement) {
    self.init(
      name: "\(measurement.kernel.name) \(measurement.kernel.shape)",
      operation: measurement.kernel.operation.name, flopCount: measurement.flopCount,
      byteCount: measurement.byteCount, seconds: measurement.seconds)
  }
}
