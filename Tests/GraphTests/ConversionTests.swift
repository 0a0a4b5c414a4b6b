import Graph
import Testing

/// Storage conversions against the definitions of the formats, at every value and every boundary.
@Suite struct ConversionTests {
  /// binary16 by its definition (IEEE 754-2008, 3.4).
  private func half(_ bits: UInt16) -> Double {
    let sign: Double = bits & 0x8000 == 0 ? 1 : -1
    let (exponent, fraction) = (Int(bits >> 10 & 31), Double(bits & 1023))
    switch exponent {
    case 0: return sign * fraction * 0x1p-24
    case 31: return fraction == 0 ? sign * .infinity : .nan
    default:
      return sign
        * Double(sign: .plus, exponent: exponent - 15, significand: 1 + fraction / 1024)
    }
  }

  @Test func everyHalfHasItsValue() {
    for bits in UInt16.min...UInt16.max {
      let (found, expected) = (Double(FloatConversion.float(float16Bits: bits)), half(bits))
      if expected.isNaN {
        #expect(found.isNaN)
      } else if found != expected || found.sign != expected.sign {
        Issue.record("\(bits): \(found) instead of \(expected)")
      }
    }
  }

  @Test func everyBrainFloatHasItsValue() {
    for bits in UInt16.min...UInt16.max {
      let expected = Float(bitPattern: UInt32(bits) * 65536)
      #expect(FloatConversion.float(bfloat16Bits: bits).bitPattern == expected.bitPattern)
    }
  }

  /// Between two neighbours the nearer one, at the middle the even one, up to the largest value.
  private func checkRounding(
    largest: UInt16, value: (UInt16) -> Float, bits: (Float) -> UInt16
  ) {
    var wrong = 0
    func expect(_ x: Float, _ expected: UInt16) {
      if bits(x) != expected || bits(-x) != expected | 0x8000 { wrong += 1 }
    }
    for lower in 0..<largest {
      let upper = lower + 1
      let (a, b) = (value(lower), value(upper))
      let middle = Float((Double(a) + Double(b)) / 2)
      expect(a, lower)
      expect(middle, lower & 1 == 0 ? lower : upper)
      expect(middle.nextDown, lower)
      expect(middle.nextUp, upper)
    }
    expect(value(largest), largest)
    expect(.infinity, largest + 1)
    expect(.greatestFiniteMagnitude, largest + 1)
    #expect(wrong == 0)
  }

  @Test func roundsToNearestHalf() {
    checkRounding(
      largest: 0x7bff, value: FloatConversion.float(float16Bits:),
      bits: FloatConversion.float16Bits)
    // Overflow from the middle between 65504 and what would follow it.
    #expect(FloatConversion.float16Bits(65520) == 0x7c00)
    #expect(FloatConversion.float16Bits(Float(65520).nextDown) == 0x7bff)
  }

  @Test func roundsToNearestBrainFloat() {
    checkRounding(
      largest: 0x7f7f, value: FloatConversion.float(bfloat16Bits:),
      bits: FloatConversion.bfloat16Bits)
    #expect(FloatConversion.bfloat16Bits(Float(bitPattern: 0x7f7f_7fff)) == 0x7f7f)
    #expect(FloatConversion.bfloat16Bits(Float(bitPattern: 0x7f7f_8000)) == 0x7f80)
  }

  /// A NaN keeps its sign and what fits of its payload, and is quiet: signalling ones, too, and
  /// those whose payload lies below what is kept.
  @Test func keepsNaN() {
    for sign in [0, 0x8000_0000] as [UInt32] {
      for payload in [1, 0x1fff, 0x2000, 0x3f_ffff, 0x40_0000, 0x55_5555, 0x7f_ffff] as [UInt32] {
        let x = Float(bitPattern: sign | 0x7f80_0000 | payload)
        let half = UInt16(sign >> 16 | 0x7e00 | payload >> 13)
        #expect(FloatConversion.float16Bits(x) == half)
        #expect(FloatConversion.bfloat16Bits(x) == UInt16(sign >> 16 | 0x7fc0 | payload >> 16))
        #expect(FloatConversion.float(float16Bits: half).isNaN)
      }
    }
    #expect(FloatConversion.float16Bits(.nan) == 0x7e00)
    #expect(FloatConversion.bfloat16Bits(.nan) == 0x7fc0)
  }

  /// The processor's or the compiler's own conversion, at random bits: NaN among them.
  @Test func halvesAgreeWithThePlatform() {
    var state: UInt64 = 1
    var wrong = 0
    for _ in 0..<200_000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let x = Float(bitPattern: UInt32(truncatingIfNeeded: state >> 32))
      if FloatConversion.float16Bits(x) != Float16(x).bitPattern { wrong += 1 }
    }
    #expect(wrong == 0)
  }

  @Test(arguments: DType.allCases)
  func dataComesBack(_ dtype: DType) {
    let values: [Double] = dtype == .u8 ? [0, 1, 2, 100, 255, 3] : [0, 1, -2, 100, -96, 3]
    let data = TensorData(TensorType([2, 3], dtype), doubles: values)
    #expect(data.bytes.count == 6 * dtype.byteCount)
    #expect(data.hostTensor.values == values)
    #expect(data.floats == values.map(Float.init))
    #expect(data.hostTensor.data == data)
  }

  @Test func wholeNumbersKeepTheirBits() {
    let values: [Int32] = [.min, -1, 0, 16_777_217, .max]
    let data = TensorData([5], values)
    #expect(data.hostTensor.values == values.map(Double.init))
    #expect(data.hostTensor.data == data)
  }
}
