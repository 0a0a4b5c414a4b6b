import Model

/// What a sample's loss counts by its signal-to-noise ratio, SNR = alphaBar / (1 - alphaBar).
///
///     minSNR       v: min(SNR, g) / (SNR + 1)        epsilon: min(SNR, g) / SNR
///     safeMinSNR   v: min(SNR + 1, g) / (SNR + 1)
///     debiased     epsilon: 1 / sqrt(SNR)
///
/// With zero terminal SNR the schedule reaches SNR 0, where `minSNR` counts nothing for v and the last
/// timestep is never trained; `safeMinSNR` is 1 there.
/// - Source: Hang et al. 2023 (arXiv 2303.09556); debiased: Yu et al. 2023 (arXiv 2310.08442).
public enum LossWeighting: Sendable, Equatable {
  /// 1 for all.
  case none
  case minSNR(gamma: Double)
  /// For v.
  case safeMinSNR(gamma: Double)
  /// For epsilon.
  case debiased

  /// - Parameters:
  ///   - snr: 0 or more; above 0 for `debiased`
  ///   - prediction: epsilon or v
  public func weight(snr: Double, prediction: PredictionType) -> Double {
    guard self != .none else { return 1 }
    precondition(prediction != .flow, "loss weights by SNR are for v and epsilon")
    switch self {
    case .none: return 1
    case .minSNR(let gamma) where prediction == .v: return min(snr, gamma) / (snr + 1)
    case .safeMinSNR(let gamma) where prediction == .v: return min(snr + 1, gamma) / (snr + 1)
    case .minSNR(let gamma), .safeMinSNR(let gamma): return snr <= gamma ? 1 : gamma / snr
    case .debiased: return 1 / snr.squareRoot()
    }
  }
}
