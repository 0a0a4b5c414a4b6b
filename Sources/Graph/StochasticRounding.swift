/// Rounding to 16 bits, up or down at random, so that the mean is the value: updates smaller than half
/// of a last place then add up instead of vanishing.
///
///     bf16: (bits + r) & 0xffff0000, r uniform on [0, 2^16)
///
/// f16 likewise, with the 13 bits that it drops. Infinity and NaN stay.
public enum StochasticRounding {
  /// - Parameter random: uniform on its range
  public static func bfloat16Bits(_ x: Float, random: UInt16) -> UInt16 {
    guard x.isFinite else { return FloatConversion.bfloat16Bits(x) }
    return UInt16(truncatingIfNeeded: (x.bitPattern &+ UInt32(random)) >> 16)
  }

  /// - Parameter random: uniform on its range
  public static func float16Bits(_ x: Float, random: UInt16) -> UInt16 {
    let sign = UInt16(truncatingIfNeeded: x.bitPattern >> 16) & 0x8000
    let magnitude = x.bitPattern & 0x7FFF_FFFF
    if magnitude >= 0x4780_0000 { return FloatConversion.float16Bits(x) }
    guard magnitude < 0x3880_0000 else {
      let half = (magnitude &+ 0xC800_0000 &+ UInt32(random >> 3)) >> 13
      return sign | UInt16(truncatingIfNeeded: half)
    }
    // Below 2^-14 the last place is 2^-24 throughout.
    let places = Float(bitPattern: magnitude) * 0x1p24
    let below = places.rounded(.down)
    let goesUp = (places - below) * 0x1p16 > Float(random)
    return sign | (UInt16(below) + (goesUp ? 1 : 0))
  }

  /// `x` as `dtype` holds it; f32 is the nearest value, whatever the random number.
  public static func rounded(_ x: Double, to dtype: DType, random: UInt16) -> Double {
    switch dtype {
    case .f16:
      Double(FloatConversion.float(float16Bits: float16Bits(Float(x), random: random)))
    case .bf16:
      Double(FloatConversion.float(bfloat16Bits: bfloat16Bits(Float(x), random: random)))
    case .f32, .i32, .u8: x
    }
  }
}

/// Random numbers of the elements of an update, keyed by (seed, role, update, tensor, element).
///
/// Pair q of a tensor's elements, in chunks of 1024, takes word `q / 256 % 4` of the Philox words of
///
///     key (seedLow, seedHigh), counter (q / 1024 * 256 + q % 256, tensor, t, 16 + role)
///
/// its lower half for the first element and its upper half for the second: a kernel makes each word
/// once, and the four pairs that share words lie where one lane comes by.
public struct UpdateRandom: Sendable {
  private let seed: UInt64
  private let tensor: UInt32
  private let step: UInt32
  private let stream: UInt32

  /// - Parameters:
  ///   - tensor: position among the trained parameters
  ///   - step: count of updates, this one included
  ///   - role: 0 for the weight, from 1 for its states
  public init(seed: UInt64, tensor: Int, step: Double, role: Int) {
    self.seed = seed
    self.tensor = UInt32(truncatingIfNeeded: tensor)
    self.step = UInt32(max(step, 0))
    stream = 16 + UInt32(role)
  }

  /// The random number of an element.
  public func bits(_ element: Int) -> UInt16 {
    let pair = element / 2
    let words = Philox.words(
      key: (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)),
      counter: (UInt32(pair / 1024 * 256 + pair % 256), tensor, step, stream))
    let word = [words.0, words.1, words.2, words.3][pair / 256 % 4]
    return UInt16(truncatingIfNeeded: element % 2 == 0 ? word : word >> 16)
  }
}
