import Foundation

/// Noise levels between two, from high to low, without the final 0.
public enum NoiseRamp: Sendable {
  case karras, exponential, beta

  /// `count` noise levels from `maximum` to `minimum`.
  public func sigmas(count: Int, minimum: Double, maximum: Double) -> [Double] {
    switch self {
    case .karras: karrasSigmas(count: count, minimum: minimum, maximum: maximum)
    case .exponential: exponentialSigmas(count: count, minimum: minimum, maximum: maximum)
    case .beta: betaSigmas(count: count, minimum: minimum, maximum: maximum)
    }
  }
}

/// Evenly spaced logarithms.
///
///     sigma_i = exp(log smax + i/(n-1) (log smin - log smax))
public func exponentialSigmas(count: Int, minimum: Double, maximum: Double) -> [Double] {
  ramp(count).map { exp(log(maximum) + $0 * (log(minimum) - log(maximum))) }
}

/// Quantiles of a beta distribution with both parameters 0.6: dense at both ends.
///
///     sigma_i = smin + q(1 - i/(n-1)) (smax - smin)
///
/// - Source: Lee et al. 2024 (arXiv 2407.12173), spaced in sigma as diffusers 0.42.1 does.
public func betaSigmas(
  count: Int, minimum: Double, maximum: Double, parameter: Double = 0.6
) -> [Double] {
  ramp(count).map {
    minimum + betaQuantile(1 - $0, parameter: parameter) * (maximum - minimum)
  }
}

/// i/(n-1) for i from 0 to n-1; 0 alone for n = 1.
private func ramp(_ count: Int) -> [Double] {
  (0..<count).map { count == 1 ? 0 : Double($0) / Double(count - 1) }
}

/// Quantile of the beta distribution with both parameters alike, by bisection.
func betaQuantile(_ probability: Double, parameter: Double) -> Double {
  // The distribution is symmetric, and its series is quick up to 1/2.
  if probability > 0.5 { return 1 - betaQuantile(1 - probability, parameter: parameter) }
  var (low, high) = (0.0, 0.5)
  for _ in 0..<100 {
    let middle = (low + high) / 2
    if symmetricBeta(middle, parameter: parameter) < probability {
      low = middle
    } else {
      high = middle
    }
  }
  return high * (probability > 0 ? 1 : 0)
}

/// Distribution function of beta(a, a) at x up to 1/2.
///
///     I_x(a, a) = x^a / (a B(a, a)) 2F1(a, 1 - a; a + 1; x)
///
/// - Source: NIST DLMF 8.17.7.
private func symmetricBeta(_ x: Double, parameter a: Double) -> Double {
  var (term, sum) = (1.0, 1.0)
  for n in 0..<200 {
    let n = Double(n)
    term *= (a + n) * (1 - a + n) / ((a + 1 + n) * (1 + n)) * x
    sum += term
    if term < 1e-17 * sum { break }
  }
  return pow(x, a) / a * exp(lgamma(2 * a) - 2 * lgamma(a)) * sum
}
