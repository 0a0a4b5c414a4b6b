import Foundation

/// Standard normal numbers as a function of keys: element e of sample n is made of
/// `Philox.words(key: (seedLow, seedHigh), counter: (e / 4, sample, step, stream))`.
///
/// Words 0 and 1 give elements 0 and 1 of the four, words 2 and 3 elements 2 and 3, by Box and
/// Muller: with `u = (a + 1/2) / 2^32` and `v = (b + 1/2) / 2^32`,
///
///     r = sqrt(-2 ln u),   z = (r cos(2 pi v), r sin(2 pi v))
///
/// u is never 0 or 1. The kernel takes ln u for words from 3/4 of 2^32 on as ln(1 - w), w the
/// distance to 1, and the angle as a quadrant and a rest, so that f32 costs no more than about 3e-7
/// of r.
/// Shapes: keys i32 [N, 5], rows (seedLow, seedHigh, sample, step, stream); y f32 [N] + shape.
public struct PhiloxNormal: Operation {
  public static let name = "philox_normal"
  /// Shape of one sample.
  public let shape: [Int]

  public init(shape: [Int]) { self.shape = shape }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(inputs.count == 1, "takes one tensor of keys")
    let keys = inputs[0]
    try requireShape(
      keys.dtype == .i32 && keys.rank == 2 && keys.shape[1] == 5, "keys \(keys) are not i32 [N, 5]")
    return [TensorType([keys.shape[0]] + shape, .f32)]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let size = shape.reduce(1, *)
    var y: [Double] = []
    y.reserveCapacity(outputs[0].elementCount)
    for sample in 0..<inputs[0].shape[0] {
      let key = inputs[0].values[sample * 5..<(sample + 1) * 5].map {
        UInt32(truncatingIfNeeded: Int64($0))
      }
      var numbers: [Double] = []
      for block in 0..<((size + 3) / 4) {
        let words = Philox.words(
          key: (key[0], key[1]), counter: (UInt32(block), key[2], key[3], key[4]))
        numbers += Self.pair(words.0, words.1) + Self.pair(words.2, words.3)
      }
      y += numbers.prefix(size)
    }
    return [HostTensor(outputs[0], y)]
  }

  public func gradient(_ context: GradientContext) -> [Tensor?] { [nil] }

  /// Box and Muller's two normal numbers from two words.
  private static func pair(_ a: UInt32, _ b: UInt32) -> [Double] {
    let radius = (-2 * log((Double(a) + 0.5) * 0x1p-32)).squareRoot()
    let angle = 2 * Double.pi * (Double(b) + 0.5) * 0x1p-32
    return [radius * cos(angle), radius * sin(angle)]
  }
}
