/// How the elements of a tensor are stored. Arithmetic is always done in f32 (devices) or Double
/// (the CPU meaning); see decision 4 of the design.
public enum DType: String, Hashable, Sendable, CaseIterable, Codable {
  case f32, f16, bf16
  /// 32-bit integers: token ids, row indices, Philox keys.
  case i32
  /// 8-bit codes: indices of a table, as in 8-bit optimizer states.
  case u8

  /// Bytes of one element.
  public var byteCount: Int {
    switch self {
    case .f32, .i32: 4
    case .f16, .bf16: 2
    case .u8: 1
    }
  }
}
