/// Element types of a safetensors file, by their names in its header.
///
/// - Source: safetensors, `safetensors/src/tensor.rs`, `enum Dtype`.
public enum SafetensorsDType: String, Hashable, Sendable, CaseIterable {
  case f64 = "F64"
  case f32 = "F32"
  case f16 = "F16"
  case bf16 = "BF16"
  case f8e4m3 = "F8_E4M3"
  case f8e5m2 = "F8_E5M2"
  case i64 = "I64"
  case i32 = "I32"
  case i16 = "I16"
  case i8 = "I8"
  case u64 = "U64"
  case u32 = "U32"
  case u16 = "U16"
  case u8 = "U8"
  case bool = "BOOL"

  /// Bytes of one element.
  public var byteCount: Int {
    switch self {
    case .f64, .i64, .u64: 8
    case .f32, .i32, .u32: 4
    case .f16, .bf16, .i16, .u16: 2
    case .f8e4m3, .f8e5m2, .i8, .u8, .bool: 1
    }
  }

  /// Whether elements of this type can be read as and written from `Float`.
  public var isFloatingPoint: Bool {
    switch self {
    case .f64, .f32, .f16, .bf16: true
    default: false
    }
  }
}

/// Name, element type and shape of one tensor in a file.
public struct TensorDescription: Hashable, Sendable {
  /// Single-file name, such as `model.diffusion_model.out.2.weight`.
  public var name: String
  /// Element type.
  public var dtype: SafetensorsDType
  /// Outermost dimension first, as in the file (OIHW for convolutions); empty for a scalar.
  public var shape: [Int]

  public init(name: String, dtype: SafetensorsDType, shape: [Int]) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
  }

  /// Product of the shape.
  public var elementCount: Int { shape.reduce(1, *) }

  /// Bytes of all elements.
  public var byteCount: Int { elementCount * dtype.byteCount }
}

/// One tensor of an open file, with the place of its bytes.
public struct TensorEntry: Hashable, Sendable {
  public var description: TensorDescription
  /// Bytes within the data section (that is, after the header).
  public var byteRange: Range<Int>

  public init(description: TensorDescription, byteRange: Range<Int>) {
    self.description = description
    self.byteRange = byteRange
  }

  public var name: String { description.name }
  /// Element type.
  public var dtype: SafetensorsDType { description.dtype }
  /// Sizes, outermost dimension first.
  public var shape: [Int] { description.shape }
  /// Number of elements.
  public var elementCount: Int { description.elementCount }
}
