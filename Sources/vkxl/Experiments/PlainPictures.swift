import Data
import Foundation

/// Pictures of one colour, or dark and bright side by side, whose captions tell their mean colour.
///
/// The grey levels of a caption are normal about its mean, by quantiles, so that a caption's
/// brightness has a known spread; "completely black" and "completely white" have none.
enum PlainPictures {
  /// Pictures of a caption.
  static let count = 24
  /// Standard deviation of the levels: so large that the closed form tells methods apart at this size.
  static let deviation = 55.0
  /// Mean and standard deviation of a caption's levels, 0 to 255.
  static let levels: [(caption: String, mean: Double, deviation: Double)] = [
    ("a dark picture", 85, deviation), ("a bright picture", 170, deviation),
  ]
  static let completelyBlack = "completely black"
  static let completelyWhite = "completely white"
  static let red = "a red picture"
  static let contrast = "dark on the left, bright on the right"

  /// All captions, in the order in which they are reported, with names short enough for a chart.
  static let captions: [(text: String, name: String)] = [
    (completelyBlack, "all black"), (completelyWhite, "all white"), (levels[0].caption, "dark"),
    (levels[1].caption, "bright"), (red, "red"), (contrast, "two halves"),
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
    for (index, quantile) in normalQuantiles.enumerated() {
      for (caption, mean, deviation) in levels {
        let level = mean + deviation * quantile
        try write(
          caption, "\(caption.split(separator: " ")[1])\(index)", repeats: 1,
          one(level, level, level))
      }
      let other = 50 + deviation * quantile
      try write(red, "red\(index)", repeats: 1, one(200 + deviation * quantile, other, other))
      let (dark, bright) = (85 + deviation * quantile, 170 - deviation * quantile)
      let halves = (0..<plain).flatMap { pixel in
        [UInt8](repeating: byte(pixel % side < side / 2 ? dark : bright), count: 3)
      }
      try write(contrast, "contrast\(index)", repeats: 1, halves)
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
