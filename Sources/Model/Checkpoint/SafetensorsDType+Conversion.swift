import Graph

extension SafetensorsDType {
  /// How elements of a tensor in memory are stored in a file.
  public init(_ dtype: DType) {
    switch dtype {
    case .f32: self = .f32
    case .f16: self = .f16
    case .bf16: self = .bf16
    case .i32: self = .i32
    case .u8: self = .u8
    }
  }
}

extension FloatConversion {
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
