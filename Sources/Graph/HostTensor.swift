/// A tensor in host memory in Double: what the CPU meaning of an operation reads and writes.
///
/// Values of type i32 and u8 are held as whole Doubles.
public struct HostTensor: Equatable, Sendable {
  /// Shape, and the element type that values are rounded to in storage.
  public var type: TensorType
  /// Elements, row-major.
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

  /// Sizes, outermost dimension first.
  public var shape: [Int] { type.shape }

  /// The bytes as stored: rounded to `type.dtype`, little endian.
  public var data: TensorData { TensorData(type, doubles: values) }
}

/// The bytes of a tensor as stored, row-major and little endian: what crosses to and from devices.
public struct TensorData: Equatable, Sendable {
  /// Shape and element type.
  public var type: TensorType
  /// Elements as they are stored, row-major.
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

  /// f32 values rounded to nearest even in `type.dtype`; whole numbers for i32 and u8.
  public init(_ type: TensorType, floats values: [Float]) {
    switch type.dtype {
    case .f32:
      self.init(type, bytes: values.withUnsafeBytes(Array.init))
    case .f16:
      self.init(type, bytes: values.map(FloatConversion.float16Bits).withUnsafeBytes(Array.init))
    case .bf16:
      self.init(type, bytes: values.map(FloatConversion.bfloat16Bits).withUnsafeBytes(Array.init))
    case .i32, .u8:
      self.init(type, doubles: values.map(Double.init))
    }
  }

  /// Values rounded to nearest even in `type.dtype`; whole numbers for i32 and u8.
  public init(_ type: TensorType, doubles values: [Double]) {
    switch type.dtype {
    case .f32, .f16, .bf16:
      self.init(type, floats: values.map(Float.init))
    case .i32:
      let bits = values.map { UInt32(truncatingIfNeeded: Int64($0)) }
      self.init(type, bytes: bits.withUnsafeBytes(Array.init))
    case .u8:
      self.init(type, bytes: values.map { UInt8(truncatingIfNeeded: Int64($0)) })
    }
  }

  /// The values as Float, whatever the storage.
  public var floats: [Float] {
    switch type.dtype {
    case .f32: array(of: Float.self)
    case .f16: array(of: UInt16.self).map(FloatConversion.float(float16Bits:))
    case .bf16: array(of: UInt16.self).map(FloatConversion.float(bfloat16Bits:))
    case .i32: array(of: Int32.self).map(Float.init)
    case .u8: bytes.map(Float.init)
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
