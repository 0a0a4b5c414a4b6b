/// A tensor in host memory in Double: what the CPU meaning of an operation reads and writes.
///
/// Values of type i32 are held as whole Doubles.
public struct HostTensor: Equatable, Sendable {
  public var type: TensorType
  public var values: [Double]

  /// - Precondition: `values.count == type.elementCount`
  public init(_ type: TensorType, _ values: [Double]) {
    precondition(values.count == type.elementCount, "\(values.count) values for \(type)")
    self.type = type
    self.values = values
  }

  public init(zeros type: TensorType) {
    self.init(type, [Double](repeating: 0, count: type.elementCount))
  }

  public var shape: [Int] { type.shape }

  /// The bytes as stored: rounded to `type.dtype`, little endian.
  public var data: TensorData { TensorData(type, doubles: values) }
}

/// The bytes of a tensor as stored, row-major and little endian: what crosses to and from devices.
public struct TensorData: Equatable, Sendable {
  public var type: TensorType
  public var bytes: [UInt8]

  /// - Precondition: `bytes.count == type.byteCount`
  public init(_ type: TensorType, bytes: [UInt8]) {
    precondition(bytes.count == type.byteCount, "\(bytes.count) bytes for \(type)")
    self.type = type
    self.bytes = bytes
  }

  public init(zeros type: TensorType) {
    self.init(type, bytes: [UInt8](repeating: 0, count: type.byteCount))
  }

  /// f32 values, row-major.
  public init(_ shape: [Int], _ values: [Float]) {
    self.init(TensorType(shape, .f32), bytes: values.withUnsafeBytes(Array.init))
  }

  /// i32 values, row-major.
  public init(_ shape: [Int], _ values: [Int32]) {
    self.init(TensorType(shape, .i32), bytes: values.withUnsafeBytes(Array.init))
  }

  /// f32 values rounded to nearest even in `type.dtype`; whole numbers for i32.
  public init(_ type: TensorType, floats values: [Float]) {
    switch type.dtype {
    case .f32: self.init(type, bytes: values.withUnsafeBytes(Array.init))
    default: self.init(type, doubles: values.map(Double.init))
    }
  }

  /// Values rounded to nearest even in `type.dtype`.
  public init(_ type: TensorType, doubles values: [Double]) {
    switch type.dtype {
    case .f32:
      self.init(type, bytes: values.map { Float($0) }.withUnsafeBytes(Array.init))
    case .f16:
      self.init(type, bytes: values.map { HalfFloat.bits(Float($0)) }.withUnsafeBytes(Array.init))
    case .bf16:
      self.init(type, bytes: values.map { BFloat.bits(Float($0)) }.withUnsafeBytes(Array.init))
    case .i32:
      let bits = values.map { UInt32(truncatingIfNeeded: Int64($0)) }
      self.init(type, bytes: bits.withUnsafeBytes(Array.init))
    }
  }

  /// The values as Float, whatever the storage.
  public var floats: [Float] {
    switch type.dtype {
    case .f32: array(of: Float.self)
    case .f16: array(of: UInt16.self).map(HalfFloat.value)
    case .bf16: array(of: UInt16.self).map(BFloat.value)
    case .i32: array(of: Int32.self).map(Float.init)
    }
  }

  /// The values in Double, as an operation's CPU meaning takes them.
  public var hostTensor: HostTensor {
    switch type.dtype {
    case .i32: HostTensor(type, array(of: Int32.self).map(Double.init))
    default: HostTensor(type, floats.map(Double.init))
    }
  }

  private func array<Element: BitwiseCopyable>(of: Element.Type) -> [Element] {
    bytes.withUnsafeBytes { raw in
      (0..<type.elementCount).map {
        raw.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Element>.stride, as: Element.self)
      }
    }
  }
}

/// IEEE 754 binary16, by bits, so that it needs neither hardware nor `Float16` support.
public enum HalfFloat {
  /// Nearest even; overflow becomes infinity.
  public static func bits(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    let sign = UInt16(truncatingIfNeeded: bits >> 16) & 0x8000
    let magnitude = bits & 0x7fff_ffff
    if magnitude > 0x7f80_0000 { return sign | 0x7e00 }
    if magnitude >= 0x4780_0000 { return sign | 0x7c00 }
    if magnitude < 0x3880_0000 {  // subnormal in f16: let f32 addition round at 2^-24
      let rounded = Float(bitPattern: magnitude) + 0.5
      return sign | UInt16(truncatingIfNeeded: rounded.bitPattern &- 0x3f00_0000)
    }
    let odd = (magnitude >> 13) & 1
    return sign | UInt16(truncatingIfNeeded: (magnitude &- 0x3800_0000 &+ 0xfff &+ odd) >> 13)
  }

  public static func value(_ bits: UInt16) -> Float {
    let sign = UInt32(bits & 0x8000) << 16
    let magnitude = UInt32(bits & 0x7fff)
    if magnitude >= 0x7c00 { return Float(bitPattern: sign | 0x7f80_0000 | magnitude << 13) }
    let scaled = Float(bitPattern: magnitude << 13) * 0x1p112
    return Float(bitPattern: sign | scaled.bitPattern)
  }
}

/// bfloat16: the upper half of an f32.
public enum BFloat {
  /// Nearest even.
  public static func bits(_ value: Float) -> UInt16 {
    if value.isNaN { return 0x7fc0 }
    let bits = value.bitPattern
    return UInt16(truncatingIfNeeded: (bits &+ 0x7fff &+ ((bits >> 16) & 1)) >> 16)
  }

  public static func value(_ bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }
}
