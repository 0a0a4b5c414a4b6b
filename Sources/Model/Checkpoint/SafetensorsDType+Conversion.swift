/// Conversions between `Float` and the 16-bit formats, by bits: the same on every processor, and
/// free of branches that keep the compiler from vectorising.
///
/// - Source: IEEE 754-2019, 4.3.1 (round to nearest, ties to even)
public enum FloatConversion {
  /// binary16 of `x`, rounded to nearest even. Magnitudes of 65520 and more become infinity.
  @inlinable
  public static func float16Bits(_ x: Float) -> UInt16 {
    let bits = x.bitPattern
    let sign = UInt16(truncatingIfNeeded: bits >> 16) & 0x8000
    let magnitude = bits & 0x7FFF_FFFF
    let half: UInt32
    if magnitude >= 0x4780_0000 {  // 65536 and above, infinity, NaN
      half = magnitude > 0x7F80_0000 ? 0x7E00 : 0x7C00
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

  /// Writes `values` as `dtype` to `destination`, which holds exactly that many elements.
  ///
  /// - Precondition: `dtype.isFloatingPoint`
  /// - Returns: how many finite values became infinite
  public static func encode(
    _ values: UnsafeBufferPointer<Float>, as dtype: SafetensorsDType,
    into destination: UnsafeMutableRawBufferPointer
  ) -> Int {
    precondition(destination.count == values.count * dtype.byteCount)
    var overflowCount = 0
    switch dtype {
    case .f32:
      destination.copyMemory(from: UnsafeRawBufferPointer(values))
    case .f64:
      for (index, value) in values.enumerated() {
        destination.storeBytes(of: Double(value), toByteOffset: index * 8, as: Double.self)
      }
    case .f16:
      for (index, value) in values.enumerated() {
        let bits = float16Bits(value)
        destination.storeBytes(of: bits, toByteOffset: index * 2, as: UInt16.self)
        if bits & 0x7FFF == 0x7C00, value.isFinite { overflowCount += 1 }
      }
    case .bf16:
      for (index, value) in values.enumerated() {
        let bits = bfloat16Bits(value)
        destination.storeBytes(of: bits, toByteOffset: index * 2, as: UInt16.self)
        if bits & 0x7FFF == 0x7F80, value.isFinite { overflowCount += 1 }
      }
    default:
      preconditionFailure("\(dtype) does not hold floating-point values")
    }
    return overflowCount
  }

  /// Reads elements of `dtype` from `source`, aligned or not, as `Float`: exact but for F64, which
  /// is rounded to nearest even.
  ///
  /// - Precondition: `dtype.isFloatingPoint`; `source` holds exactly `destination.count` elements
  public static func decode(
    _ source: UnsafeRawBufferPointer, as dtype: SafetensorsDType,
    into destination: UnsafeMutableBufferPointer<Float>
  ) {
    precondition(source.count == destination.count * dtype.byteCount)
    switch dtype {
    case .f32:
      UnsafeMutableRawBufferPointer(destination).copyMemory(from: source)
    case .f64:
      for index in destination.indices {
        let value = source.loadUnaligned(fromByteOffset: index * 8, as: Double.self)
        destination[index] = Float(value)
      }
    case .f16:
      for index in destination.indices {
        let bits = source.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)
        destination[index] = float(float16Bits: bits)
      }
    case .bf16:
      for index in destination.indices {
        let bits = source.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)
        destination[index] = float(bfloat16Bits: bits)
      }
    default:
      preconditionFailure("\(dtype) does not hold floating-point values")
    }
  }
}
