import Foundation

/// SDXL's discrete noise schedule, with or without zero terminal SNR.
///
///     beta = linspace(sqrt(.00085), sqrt(.012), 1000)^2,  alphaBar = cumprod(1 - beta)
///     x_t = sqrt(alphaBar) x0 + sqrt(1 - alphaBar) noise,  sigma = sqrt((1 - alphaBar) / alphaBar)
///
/// - Source: sd_xl_base_1.0 (scaled linear); zero terminal SNR: Lin et al. 2023
///   (arXiv 2305.08891), algorithm 1.
public struct NoiseSchedule: Sendable {
  /// Number of timesteps, 0 to 999.
  public static let timestepCount = 1000

  /// Cumulative product of 1 - beta for timesteps 0 to 999; exactly 0 at the end with zero
  /// terminal SNR.
  public let alphaBar: [Double]
  /// Whether the last timestep is pure noise.
  public let hasZeroTerminalSNR: Bool

  public init(zeroTerminalSNR: Bool) {
    hasZeroTerminalSNR = zeroTerminalSNR
    let last = Self.timestepCount - 1
    let (first, end) = (0.00085.squareRoot(), 0.012.squareRoot())
    var product = 1.0
    let plain = (0...last).map { index in
      let root = first + (end - first) * Double(index) / Double(last)
      product *= 1 - root * root
      return product
    }
    guard zeroTerminalSNR else {
      alphaBar = plain
      return
    }
    let q = plain.map { $0.squareRoot() }
    alphaBar = q.map {
      let rescaled = ($0 - q[last]) * q[0] / (q[0] - q[last])
      return rescaled * rescaled
    }
  }

  /// Noise level of each timestep; infinite at the end with zero terminal SNR.
  public var sigmas: [Double] { alphaBar.map { ((1 - $0) / $0).squareRoot() } }

  /// The highest noise level that is not infinite: what stands for infinity must be above it.
  public var largestFiniteSigma: Double { sigmas.filter(\.isFinite).max() ?? 0 }

  /// Sigmas for sampling, where the last one must be finite.
  /// - Parameter terminalSigma: what stands for infinity with zero terminal SNR.
  public func sigmas(terminalSigma: Double) -> [Double] {
    sigmas.map { $0.isFinite ? $0 : terminalSigma }
  }
}

/// `n` noise levels between two, spaced as rho-th roots, from high to low, without the final 0.
///
///     sigma_i = (smax^(1/rho) + i/(n-1) (smin^(1/rho) - smax^(1/rho)))^rho
///
/// - Source: Karras et al. 2022 (arXiv 2206.00364), equation 5; rho = 7.
public func karrasSigmas(
  count: Int, minimum: Double, maximum: Double, rho: Double = 7
) -> [Double] {
  let (low, high) = (pow(minimum, 1 / rho), pow(maximum, 1 / rho))
  return (0..<count).map { index in
    let ramp = count == 1 ? 0 : Double(index) / Double(count - 1)
    return pow(high + ramp * (low - high), rho)
  }
}
