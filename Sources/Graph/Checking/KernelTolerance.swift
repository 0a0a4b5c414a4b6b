/// Largest relative L2 error of a kernel against the meaning in Double.
public enum KernelTolerance {
  /// f32 arithmetic: a few roundings of 6e-8 each, sums in chunks.
  static let single = 1e-6
  /// 16-bit results: both sides round to storage, and an f32 error of 1e-7 tips a value that lies
  /// between two neighbours to the other one: about one in 10,000 (f16) or 50,000 (bf16) values, by
  /// 2^-11 or 2^-8 of itself.
  static let half = 3e-5
  static let brain = 1e-4

  /// 8-bit codes: an f32 error of 1e-7 tips a value that lies between two codes, a hundredth apart, to
  /// the other one: about one in 100,000, by 1 of 128.
  static let code = 2e-4

  /// The limit for a result stored as `dtype`.
  public static func of(_ dtype: DType) -> Double {
    switch dtype {
    case .f32, .i32: single
    case .f16: half
    case .u8: code
    case .bf16: brain
    }
  }
}
