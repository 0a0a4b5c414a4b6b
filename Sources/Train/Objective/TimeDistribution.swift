import Foundation

/// Distribution of the flow-matching time t in (0, 1).
///
///     t = sigmoid(mean + deviation z), or uniform with probability `uniformFraction`,
///     then t <- shift t / (1 + (shift - 1) t)
///
/// - Source: Esser et al. 2024 (SD3, arXiv 2403.03206), sections 3.1 and 5.3.2.
public struct TimeDistribution: Sendable, Equatable {
  /// The a of t <- a t / (1 + (a - 1) t): above 1 means more noise.
  public enum Shift: Sendable, Equatable {
    case constant(Double)
    /// sqrt(pixels / 1024^2) times the shift at 1024 x 1024.
    case byResolution(at1024: Double)

    /// The shift of a picture of this area in pixels.
    public func value(pixels: Int) -> Double {
      switch self {
      case .constant(let shift): shift
      case .byResolution(let shift): shift * (Double(pixels) / (1024 * 1024)).squareRoot()
      }
    }
  }

  /// Mean of the normal variable inside the sigmoid.
  public var logitMean: Double
  /// Its standard deviation, above 0.
  public var logitDeviation: Double
  /// Share of samples whose time is uniform: logit-normal times alone hardly ever come near 1.
  public var uniformFraction: Double
  /// Shift of all times, uniform ones too.
  public var shift: Shift

  public init(
    logitMean: Double = 0, logitDeviation: Double = 1, uniformFraction: Double = 0,
    shift: Shift = .constant(1)
  ) {
    self.logitMean = logitMean
    self.logitDeviation = logitDeviation
    self.uniformFraction = uniformFraction
    self.shift = shift
  }

  func time(normal: Double, uniforms: (Double, Double), pixels: Int) -> Double {
    let plain =
      uniforms.0 < uniformFraction
      ? uniforms.1 : 1 / (1 + exp(-(logitMean + logitDeviation * normal)))
    let shifted = shiftedTime(plain, by: shift.value(pixels: pixels))
    // The open interval, also where a draw rounds to an end.
    return min(max(shifted, 1e-6), 1 - 1e-6)
  }
}

/// `t' = a t / (1 + (a - 1) t)`. Source: SD3 (arXiv 2403.03206), equation 23.
public func shiftedTime(_ time: Double, by shift: Double) -> Double {
  shift * time / (1 + (shift - 1) * time)
}
