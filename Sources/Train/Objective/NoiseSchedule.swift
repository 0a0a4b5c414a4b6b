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
  /// log sigma of the timesteps where it is finite, rising.
  private let logSigmas: [Double]

  /// SDXL's own schedule.
  public static let plain = NoiseSchedule(zeroTerminalSNR: false)

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
      logSigmas = Self.logSigmas(plain)
      return
    }
    let q = plain.map { $0.squareRoot() }
    let rescaled = q.map {
      let value = ($0 - q[last]) * q[0] / (q[0] - q[last])
      return value * value
    }
    alphaBar = rescaled
    logSigmas = Self.logSigmas(rescaled)
  }

  private static func logSigmas(_ alphaBar: [Double]) -> [Double] {
    alphaBar.filter { $0 > 0 }.map { log((1 - $0) / $0) / 2 }
  }

  /// Noise level of each timestep; infinite at the end with zero terminal SNR.
  public var sigmas: [Double] { alphaBar.map { ((1 - $0) / $0).squareRoot() } }

  /// The highest noise level that is not infinite: what stands for infinity must be above it.
  public var largestFiniteSigma: Double {
    let alphaBar = alphaBar[logSigmas.count - 1]
    return ((1 - alphaBar) / alphaBar).squareRoot()
  }

  /// The timestep of a noise level, which may lie between two: by interpolation in log sigma.
  ///
  /// Beyond the finite levels it is the nearest; that of an infinite sigma is the last, 999.
  public func timestep(sigma: Double) -> Double {
    guard sigma.isFinite else { return Double(Self.timestepCount - 1) }
    let wanted = log(sigma)
    guard wanted > logSigmas[0] else { return 0 }
    var (low, high) = (0, logSigmas.count - 1)
    guard wanted < logSigmas[high] else { return Double(high) }
    while high - low > 1 {
      let middle = (low + high) / 2
      if logSigmas[middle] <= wanted { low = middle } else { high = middle }
    }
    return Double(low) + (wanted - logSigmas[low]) / (logSigmas[high] - logSigmas[low])
  }

  /// alphaBar at a timestep, which may lie between two: by interpolation in log sigma. Between the
  /// last finite level and an infinite one it is that of the former.
  public func alphaBar(timestep: Double) -> Double {
    let below = Int(timestep)
    let part = timestep - Double(below)
    guard part > 0, below + 1 < logSigmas.count else { return alphaBar[below] }
    let logSigma = logSigmas[below] + part * (logSigmas[below + 1] - logSigmas[below])
    return 1 / (1 + exp(2 * logSigma))
  }

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
