/// Largest relative L2 error of a kernel against the meaning in Double.
public enum KernelTolerance {
  /// f32 arithmetic: a few roundings of 6e-8 each, sums in chunks.
  static let single = 1e-6
  /// 16-bit results: both sides round to storage, and an f32 error of 1e-7 tips a value that lies
  /// between two neighbours to the other one: about one in 10,000 (f16) or 50,000 (bf16) values, by
  /// up to 2^-10 or 2^-7 of itself.
  static let half = 3e-5
  static let brain = 1e-4

  /// 8-bit codes: an f32 error of 1e-7 tips a value that lies between two codes, a hundredth apart, to
  /// the other one: about one in 100,000, by 1 of 128.
  static let code = 2e-4

  /// Attention on matrix units rounds its weights and their gradients to the operands' type between two
  /// products: three or four roundings of 2^-12 or 2^-9.
  static let roundedWeights: [DType: Double] = [.f16: 6e-4, .bf16: 5e-3]

  /// The limit for a result of this type. In a short one, of a norm's 32 channels say, already two values
  /// that tip are more than the share that is usual; the same kernel's f32 results tell whether it is
  /// right.
  ///
  /// - Parameter roundsWeights: the kernel is attention on matrix units
  public static func of(_ type: TensorType, roundsWeights: Bool) -> Double {
    max(of(type), roundsWeights ? roundedWeights[type.dtype] ?? 0 : 0)
  }

  /// The limit where nothing is rounded on the way.
  public static func of(_ type: TensorType) -> Double {
    let tipped = (2 / Double(max(type.elementCount, 1))).squareRoot()
    switch type.dtype {
    case .f32, .i32: return single
    case .u8: return code
    case .f16: return max(half, 0x1p-10 * tipped)
    case .bf16: return max(brain, 0x1p-7 * tipped)
    }
  }
}
