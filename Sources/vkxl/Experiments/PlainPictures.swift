import Data
import Foundation

/// Pictures of one colour, or black and white side by side, whose captions tell their mean colour.
///
/// The grey levels of "dusk" and "noon" are normal about a mean, by quantiles, so that a caption's
/// brightness has a known spread; the pictures of any other caption are all the same. Captions have no
/// words in common that would tell nothing: a small model would learn slowly to look past them.
enum PlainPictures {
  /// Pictures of a caption.
  static let count = 24
  /// Captions whose pictures differ, with the mean of their levels, 0 to 255.
  static let levels: [(caption: String, mean: Double)] = [("dusk", 85), ("noon", 170)]
  /// Standard deviation of the levels: so large that the closed form tells methods apart at 128 pixels.
  static let deviation = 55.0
  static let completelyBlack = "completely black"
  static let completelyWhite = "completely white"
  static let red = "red all over"
  static let contrast = "left and right"

  /// All captions, in the order in which they are reported, with names short enough for a chart.
  static let captions: [(text: String, name: String)] = [
    (completelyBlack, "all black"), (completelyWhite, "all white"), (levels[0].caption, "dusk"),
    (levels[1].caption, "noon"), (red, "red"), (contrast, "two halves"),
  ]

  /// Writes them to `pictures` beside an experiment's file, in place of those of before.
  /// - Parameter side: pixels
  static func write(beside file: ExperimentFile, side: Int) throws {
    let folder = file.folder + "/pictures"
    let plain = side * side
    func write(_ caption: String, _ name: String, repeats: Int, _ rgb: [UInt8]) throws {
      let place = "\(folder)/\(repeats)_\(name.prefix { !$0.isNumber })"
      try Files.makeFolder(place)
      try PNG.write(Image(width: side, height: side, rgb: rgb), to: "\(place)/\(name).png")
      try caption.write(toFile: "\(place)/\(name).txt", atomically: true, encoding: .utf8)
    }
    func one(_ red: Double, _ green: Double, _ blue: Double) -> [UInt8] {
      let colour = [red, green, blue].map(byte)
      return (0..<plain).flatMap { _ in colour }
    }
    try write(completelyBlack, "black", repeats: count, one(0, 0, 0))
    try write(completelyWhite, "white", repeats: count, one(255, 255, 255))
    try write(red, "red", repeats: count, one(255, 0, 0))
    let halves = (0..<plain).flatMap { pixel in
      [UInt8](repeating: pixel % side < side / 2 ? 0 : 255, count: 3)
    }
    try write(contrast, "halves", repeats: count, halves)
    for (index, quantile) in normalQuantiles.enumerated() {
      for (caption, mean) in levels {
        let level = mean + deviation * quantile
        try write(caption, "\(caption)\(index)", repeats: 1, one(level, level, level))
      }
    }
  }

  private static func byte(_ level: Double) -> UInt8 { UInt8(min(max(level.rounded(), 0), 255)) }

  /// The middles of `count` equal parts of a standard normal distribution.
  static var normalQuantiles: [Double] {
    (0..<count).map { index in
      let share = (Double(index) + 0.5) / Double(count)
      // Bisection of the distribution function: exact enough, and needs no formula of its own.
      var (low, high) = (-6.0, 6.0)
      for _ in 0..<60 {
        let middle = (low + high) / 2
        if erfc(-middle / 2.0.squareRoot()) / 2 < share { low = middle } else { high = middle }
      }
      return (low + high) / 2
    }
  }
}
