/// Conversions between `Float` and the 16-bit formats, by bits: the same on every processor, and
/// free of branches that keep the compiler from vectorising.
///
/// A NaN stays one: its sign and the upper bits of its payload are kept, and it becomes quiet, as
/// processors convert.
///
/// - Source: IEEE 754-2019, 4.3.1 (round to nearest, ties to even), 6.2.3 (NaN)
public enum FloatConversion {
  /// binary16 of `x`, rounded to nearest even. Magnitudes of 65520 and more become infinity.
  @inlinable
  public static func float16Bits(_ x: Float) -> UInt16 {
    let bits = x.bitPattern
    let sign = UInt16(truncatingIfNeeded: bits >> 16) & 0x8000
    let magnitude = bits & 0x7FFF_FFFF
    let half: UInt32
    if magnitude >= 0x4780_0000 {  // 65536 and above, infinity, NaN
      half = magnitude > 0x7F80_0000 ? 0x7E00 | magnitude >> 13 & 0x01FF : 0x7C00
    } else if magnitude < 0x3880_0000 {  // below 2^-14: 0.5's last place is 2^-24, f16's smallest
      half = (Float(bitPattern: magnitude) + 0.5).bitPattern &- 0x3F00_0000
    } else {
      // Moves the exponent's bias from 127 to 15 and adds half of a last place, less one if even.
      half = (magnitude &+ 0xC800_0FFF &+ (magnitude >> 13 & 1)) >> 13
    }
    return sign | UInt16(truncatingIfNeeded: half)
  }

  /// The value of binary16 bits: exact.
  @inlinable
  public static func float(float16Bits bits: UInt16) -> Float {
    let sign = UInt32(bits & 0x8000) << 16
    let magnitude = UInt32(bits & 0x7FFF) << 13
    let exponent = magnitude & 0x0F80_0000
    var value = magnitude &+ 0x3800_0000
    if exponent == 0x0F80_0000 {  // infinity, NaN
      value = value &+ 0x3800_0000
    } else if exponent == 0 {  // zero, subnormal
      value = (Float(bitPattern: value &+ 0x0080_0000) - 0x1p-14).bitPattern
    }
    return Float(bitPattern: sign | value)
  }

  /// bfloat16 of `x`, rounded to nearest even.
  @inlinable
  public static func bfloat16Bits(_ x: Float) -> UInt16 {
    let bits = x.bitPattern
    if bits & 0x7FFF_FFFF > 0x7F80_0000 {  // NaN: rounding could carry it into infinity
      return UInt16(truncatingIfNeeded: bits >> 16) | 0x0040
    }
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
  }

  /// The value of bfloat16 bits: exact.
  @inlinable
  public static func float(bfloat16Bits bits: UInt16) -> Float {
    Float(bitPattern: UInt32(bits) << 16)
  }
}
