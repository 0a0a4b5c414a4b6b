import Graph

/// Tensors that follow from their name, index and seed alone, so that any program can rebuild them:
///
///     fnv1a64(name)      64-bit FNV-1a of the UTF-8 name
///     u(name, seed, i)   ((splitmix64(fnv1a64(name) + seed * 0x9e3779b97f4a7c15 + i) >> 40) / 2^24
///                        - 0.5) * 2, on [-1, 1), exact in f32; i is the row-major index
///     weights            two or more dimensions: u * sqrt(3 / (product of all but the first))
///                        one dimension, name ends in "weight": 1 + 0.1 u; others: 0.1 u
///                        then rounded to f16, as a checkpoint holds them
///     inputs             u * sqrt(3)
///
/// All arithmetic after u is in f32, in the order written.
public enum SyntheticTensors {
  private static let golden: UInt64 = 0x9E37_79B9_7F4A_7C15

  /// 64-bit FNV-1a of the UTF-8 bytes.
  public static func fnv1a64(_ text: String) -> UInt64 {
    text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }

  /// Elements `start..<start + count` of u, on [-1, 1).
  public static func uniform(
    _ name: String, count: Int, seed: UInt64 = 0, start: Int = 0
  ) -> [Float] {
    let key = key(name, seed)
    return (start..<start + count).map { uniform(key: key, index: $0) }
  }

  /// A model input of standard deviation 1: u * sqrt(3).
  public static func inputs(_ name: String, shape: [Int], seed: UInt64 = 0) -> [Float] {
    let scale = Float(3.0.squareRoot())
    let key = key(name, seed)
    return (0..<shape.reduce(1, *)).map { uniform(key: key, index: $0) * scale }
  }

  /// A weight as its checkpoint holds it, rounded to f16.
  public static func weight(_ name: String, shape: [Int], seed: UInt64 = 0) -> [Float] {
    let weight = SyntheticWeight(name: name, shape: shape, seed: seed)
    return (0..<shape.reduce(1, *)).map {
      FloatConversion.float(float16Bits: weight.float16Bits(at: $0))
    }
  }

  static func key(_ name: String, _ seed: UInt64) -> UInt64 {
    fnv1a64(name) &+ seed &* golden
  }

  /// splitmix64 of `key + index`, its top 24 bits as a number on [-1, 1).
  static func uniform(key: UInt64, index: Int) -> Float {
    var z = key &+ UInt64(truncatingIfNeeded: index) &+ golden
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    z ^= z >> 31
    return Float(Int32(truncatingIfNeeded: z >> 40) - (1 << 23)) * 0x1p-23
  }
}

/// The rule of one weight: `offset + scale * u`, in f32, then f16.
struct SyntheticWeight {
  private let key: UInt64
  private let scale: Float
  private let offset: Float

  init(name: String, shape: [Int], seed: UInt64) {
    key = SyntheticTensors.key(name, seed)
    if shape.count >= 2 {
      scale = Float((3 / Double(shape.dropFirst().reduce(1, *))).squareRoot())
      offset = 0
    } else {
      scale = 0.1
      offset = name.hasSuffix("weight") ? 1 : 0
    }
  }

  /// The binary16 bits of element `index`.
  func float16Bits(at index: Int) -> UInt16 {
    let value = scale * SyntheticTensors.uniform(key: key, index: index)
    // Adding a zero offset would turn -0 into 0, which the bytes of the file would show.
    return FloatConversion.float16Bits(offset == 0 ? value : offset + value)
  }

  /// Elements from `start` on.
  func fill(_ bits: UnsafeMutableBufferPointer<UInt16>, from start: Int) {
    for offset in bits.indices { bits[offset] = float16Bits(at: start + offset) }
  }
}
