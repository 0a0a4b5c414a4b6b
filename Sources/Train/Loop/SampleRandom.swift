import Foundation
import Graph

/// Random numbers of one sample of one update, keyed by (seed, stream, step, sample).
///
/// Nothing is drawn in sequence: a resumed run needs no generator state, and a run does not
/// depend on how an update is split into batches.
struct SampleRandom {
  /// What a random number is for: numbers of different streams are independent.
  enum Stream: UInt32 {
    /// Noise of the training input, made on the device.
    case noise = 0
    case time = 1
    /// Choice of the latents within the VAE's distribution.
    case latents = 2
    /// Initial noise of a sampled picture.
    case picture = 3
    /// Noise that stochastic samplers add in a step.
    case sampling = 4
    /// What offset noise adds to a channel.
    case offsetNoise = 5
    /// Coarse levels of multi-resolution noise.
    case coarseNoise = 6
    /// What the input has beyond the target's noise.
    case perturbation = 7
    /// Noise of held-out samples: the same in every validation.
    case validation = 8
  }

  /// Standard normal.
  let normal: Double
  /// Two on [0, 1).
  let uniforms: (Double, Double)

  /// The numbers that choose a training sample's time.
  init(seed: UInt64, step: Int, sample: Int) {
    let words = Self.words(seed: seed, step: step, sample: sample, stream: .time, block: 0)
    normal = Self.normals(words).0
    uniforms = (Double(words.2) * 0x1p-32, Double(words.3) * 0x1p-32)
  }

  /// A row of `PhiloxNormal`'s keys.
  static func keys(seed: UInt64, step: Int, sample: Int, stream: Stream) -> [Int32] {
    [
      UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32),
      UInt32(truncatingIfNeeded: sample), UInt32(truncatingIfNeeded: step), stream.rawValue,
    ].map { Int32(bitPattern: $0) }
  }

  /// `count` standard normals on the host.
  static func normals(
    count: Int, seed: UInt64, step: Int, sample: Int, stream: Stream
  ) -> [Float] {
    var values: [Float] = []
    values.reserveCapacity(count + 3)
    for block in 0..<((count + 3) / 4) {
      let words = words(
        seed: seed, step: step, sample: sample, stream: stream, block: UInt32(block))
      let (a, b) = normals(words)
      let (c, d) = normals((words.2, words.3, 0, 0))
      values += [Float(a), Float(b), Float(c), Float(d)]
    }
    return Array(values.prefix(count))
  }

  private typealias Words = (UInt32, UInt32, UInt32, UInt32)

  private static func words(
    seed: UInt64, step: Int, sample: Int, stream: Stream, block: UInt32
  ) -> Words {
    Philox.words(
      key: (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)),
      counter: (
        block, UInt32(truncatingIfNeeded: sample), UInt32(truncatingIfNeeded: step),
        stream.rawValue
      ))
  }

  /// Box and Muller's pair from the first two words.
  private static func normals(_ words: Words) -> (Double, Double) {
    let radius = (-2 * log((Double(words.0) + 0.5) * 0x1p-32)).squareRoot()
    let angle = 2 * Double.pi * (Double(words.1) + 0.5) * 0x1p-32
    return (radius * cos(angle), radius * sin(angle))
  }
}
