import Foundation
import Graph

/// How the noise of training differs from white noise z.
///
///     noise = (z + sum over levels i = 1, 2, ... of discount^i up(z_i)) / norm + offset g
///     input = c0 x0 + c1 (noise + perturbation z'),    target = d0 x0 + d1 noise
///
/// z_i is white at 1 / 2^i of the height and width (rounded down, at least 1; the level at which one of
/// them is 1 is the last), up is bilinear, norm makes the mean square 1; g is one number for each
/// channel; z' is white.
/// - Source: offset noise: Guttenberg 2023 (crosslabs.org, "Diffusion with Offset Noise");
///   multi-resolution noise: Whitaker 2023 ("Multi-Resolution Noise for Diffusion Model Training"), with
///   levels at powers of two in place of random factors; input perturbation: Ning et al. 2023
///   (arXiv 2301.11706).
public struct NoiseOptions: Sendable, Hashable {
  /// Standard deviation of what is added to a whole channel; 0 adds nothing.
  public var offset: Double
  /// Factor of each coarser level of noise beside the one before; 0 adds none.
  public var discount: Double
  /// Coarser levels, as far as the size allows.
  public var levels: Int
  /// Standard deviation of what the input has beyond the target's noise; 0 adds nothing.
  public var perturbation: Double

  public init(
    offset: Double = 0, discount: Double = 0, levels: Int = 6, perturbation: Double = 0
  ) {
    self.offset = offset
    self.discount = discount
    self.levels = levels
    self.perturbation = perturbation
  }

  /// Whether the noise holds more than white noise.
  var hasAddend: Bool { offset > 0 || discount > 0 }

  /// Height and width of each coarser level.
  func levelSizes(height: Int, width: Int) -> [(height: Int, width: Int)] {
    guard discount > 0 else { return [] }
    var sizes: [(height: Int, width: Int)] = []
    for level in 1...max(1, levels) where sizes.last.map({ min($0.height, $0.width) > 1 }) ?? true {
      sizes.append((max(1, height >> level), max(1, width >> level)))
    }
    return sizes
  }

  /// Factor of the white noise: 1 / norm.
  func whiteFactor(height: Int, width: Int) -> Double {
    var square = 1.0
    for (index, size) in levelSizes(height: height, width: width).enumerated() {
      let rows = LinearTaps.meanSquare(from: size.height, to: height)
      let columns = LinearTaps.meanSquare(from: size.width, to: width)
      square += pow(discount, 2 * Double(index + 1)) * rows * columns
    }
    return 1 / square.squareRoot()
  }

  /// What is added to a sample's white noise, [H, W, C].
  func addend(
    height: Int, width: Int, channels: Int, seed: UInt64, step: Int, sample: Int
  ) -> [Float] {
    let sizes = levelSizes(height: height, width: width)
    let factor = whiteFactor(height: height, width: width)
    var sum = [Float](repeating: 0, count: height * width * channels)
    let coarse = SampleRandom.normals(
      count: sizes.reduce(0) { $0 + $1.height * $1.width * channels }, seed: seed, step: step,
      sample: sample, stream: .coarseNoise)
    var start = 0
    for (index, size) in sizes.enumerated() {
      let count = size.height * size.width * channels
      LinearTaps.add(
        coarse[start..<start + count], size, channels, to: &sum, (height, width),
        factor: Float(factor * pow(discount, Double(index + 1))))
      start += count
    }
    guard offset > 0 else { return sum }
    let offsets = SampleRandom.normals(
      count: channels, seed: seed, step: step, sample: sample, stream: .offsetNoise
    ).map { $0 * Float(offset) }
    for index in sum.indices { sum[index] += offsets[index % channels] }
    return sum
  }
}

/// Bilinear enlargement, with pixels' centres at halves as torch has it (`align_corners=False`).
enum LinearTaps {
  /// The two places that a place of the larger size lies between, and the second one's share.
  static func taps(from small: Int, to large: Int) -> [(first: Int, second: Int, share: Float)] {
    (0..<large).map { index in
      let place = max(0, (Double(index) + 0.5) * Double(small) / Double(large) - 0.5)
      let first = min(Int(place), small - 1)
      let second = min(first + 1, small - 1)
      return (first, second, second == first ? 0 : Float(place - Double(first)))
    }
  }

  /// Mean over places of the variance that white noise of variance 1 has after enlargement.
  static func meanSquare(from small: Int, to large: Int) -> Double {
    taps(from: small, to: large).reduce(0) { sum, tap in
      let share = Double(tap.share)
      return sum + share * share + (1 - share) * (1 - share)
    } / Double(large)
  }

  static func add(
    _ values: ArraySlice<Float>, _ size: (height: Int, width: Int), _ channels: Int,
    to sum: inout [Float], _ target: (height: Int, width: Int), factor: Float
  ) {
    let columns = taps(from: size.width, to: target.width)
    for (row, tap) in taps(from: size.height, to: target.height).enumerated() {
      let first = values.startIndex + tap.first * size.width * channels
      let second = values.startIndex + tap.second * size.width * channels
      for (column, across) in columns.enumerated() {
        let (left, right) = (across.first * channels, across.second * channels)
        let place = (row * target.width + column) * channels
        for channel in 0..<channels {
          let above =
            (1 - across.share) * values[first + left + channel]
            + across.share * values[first + right + channel]
          let below =
            (1 - across.share) * values[second + left + channel]
            + across.share * values[second + right + channel]
          sum[place + channel] += factor * ((1 - tap.share) * above + tap.share * below)
        }
      }
    }
  }
}
