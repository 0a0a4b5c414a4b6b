import Foundation

/// Sinusoidal embedding of times, cosines first:
/// `y[i] = cos(t f[i])`, `y[half + i] = sin(t f[i])`, `f[i] = maxPeriod^(-i / half)`.
///
/// Shapes: t f32 [...]; y f32 [..., dimension]; half = dimension / 2, and an odd last place is 0.
/// Frequencies and angles are rounded to f32 as in the implementations that models were trained
/// with: at t = 1000 the rounding moves an angle by up to 3e-5. Cosine and sine are those of the
/// rounded angle.
/// - Source: `get_timestep_embedding` in diffusers (flip_sin_to_cos, freq_shift 0).
public struct TimestepEmbedding: Operation {
  public static let name = "timestep_embedding"
  public let dimension: Int
  public let maxPeriod: Float

  public init(dimension: Int, maxPeriod: Float = 10000) {
    self.dimension = dimension
    self.maxPeriod = maxPeriod
  }

  /// `-ln(maxPeriod)` in f32: what the exponents are multiples of.
  public var logarithm: Float { Float(-log(Double(maxPeriod))) }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(inputs.count == 1 && inputs[0].dtype == .f32, "takes one tensor of f32")
    try requireShape(2..<8192 ~= dimension, "dimension \(dimension) is not in 2 ..< 8192")
    return [TensorType(inputs[0].shape + [dimension], .f32)]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let half = dimension / 2
    let frequencies = (0..<half).map { Self.power(logarithm * Float($0) / Float(half)) }
    var y: [Double] = []
    y.reserveCapacity(outputs[0].elementCount)
    for time in inputs[0].values {
      let angles = frequencies.map { Double(Float(time) * $0) }
      y += angles.map { cos($0) } + angles.map { sin($0) }
      if dimension % 2 == 1 { y.append(0) }
    }
    return [HostTensor(outputs[0], y)]
  }

  public func gradient(_ context: GradientContext) -> [Tensor?] { [nil] }

  /// e^x in f32 for -80 < x <= 0, within 0.55 of a unit in the last place.
  ///
  /// The kernel does the same additions and multiplications in the same order, so that every
  /// device has these very frequencies.
  static func power(_ x: Float) -> Float {
    let n = (x * 1.44269504).rounded(.toNearestOrEven)
    let head = x - n * 0.693359375  // exact
    let tail = n * -2.12194440e-4
    let r = head - tail
    let lost = (head - r) - tail
    var p: Float = 0.0013926250394433737
    p = p * r + 0.00836323294788599
    p = p * r + 0.04166655242443085
    p = p * r + 0.16666576266288757
    p = p * r + 0.5
    p = r * r * p
    let sum = 1 + r
    let remainder = (1 - sum) + r
    return (sum + (remainder + (lost + p))) * Float(sign: .plus, exponent: Int(n), significand: 1)
  }
}

extension Tensor {
  /// Sinusoidal embedding of times, cosines first: [...] to [..., dimension].
  public func timestepEmbedded(dimension: Int) -> Tensor {
    Tensor.apply(TimestepEmbedding(dimension: dimension), [self])[0]
  }
}
