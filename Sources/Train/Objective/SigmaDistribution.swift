import Foundation

/// Distribution of the noise levels of v and epsilon: even on Karras' ramp.
///
///     sigma = (smax^(1/rho) + u (smin^(1/rho) - smax^(1/rho)))^rho,   u uniform on [0, 1)
///     P(sigma <= x) = (x^(1/rho) - smin^(1/rho)) / (smax^(1/rho) - smin^(1/rho))
///
/// The timestep is found by interpolation in log sigma and may lie between two. An infinite sigma is
/// never drawn: with zero terminal SNR a share of uniform timesteps trains the last one. A large smax
/// is costly: up to 20000, three quarters of the samples have sigma above 14.6.
/// - Source: Karras et al. 2022 (arXiv 2206.00364), equation 5; the growth of smax with the
///   resolution: NovelAI V3 (arXiv 2409.15997), section 2.3.
public struct SigmaDistribution: Sendable, Equatable {
  /// Least noise level, above 0.
  public var minimum: Double
  /// Largest noise level: at 1024 x 1024 pixels, if it goes with the resolution.
  public var maximum: Double
  /// Whether the largest noise level is `maximum` times sqrt(pixels / 1024^2).
  public var isDynamic: Bool
  /// Share of samples whose timestep is uniform.
  public var uniformFraction: Double
  /// Exponent of the ramp.
  static let rho = 7.0

  public init(
    minimum: Double = NoiseSchedule.plain.sigmas[0],
    maximum: Double = NoiseSchedule.plain.largestFiniteSigma, isDynamic: Bool = false,
    uniformFraction: Double = 0
  ) {
    self.minimum = minimum
    self.maximum = maximum
    self.isDynamic = isDynamic
    self.uniformFraction = uniformFraction
  }

  /// The largest noise level of pictures of this area.
  /// - Parameter limit: largest finite sigma of the schedule, beyond which the network knows no time
  public func maximum(pixels: Int, limit: Double) -> Double {
    let factor = isDynamic ? (Double(pixels) / (1024 * 1024)).squareRoot() : 1
    return max(minimum, min(limit, maximum * factor))
  }

  func sigma(uniform: Double, pixels: Int, limit: Double) -> Double {
    let high = pow(maximum(pixels: pixels, limit: limit), 1 / Self.rho)
    let low = pow(minimum, 1 / Self.rho)
    return pow(high + uniform * (low - high), Self.rho)
  }

  /// Share of the ramp's samples above a noise level, for pictures of this area.
  /// - Parameter limit: largest finite sigma of the schedule
  public func share(above sigma: Double, pixels: Int, limit: Double) -> Double {
    let maximum = maximum(pixels: pixels, limit: limit)
    let (high, low) = (pow(maximum, 1 / Self.rho), pow(minimum, 1 / Self.rho))
    return min(1, max(0, (high - pow(sigma, 1 / Self.rho)) / (high - low)))
  }
}
