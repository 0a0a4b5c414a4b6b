import Graph
import Model

/// The samplers by the names that users know.
public enum SamplingMethod: String, Sendable, CaseIterable {
  case euler
  case eulerAncestral = "euler_ancestral"
  case heun
  case dpmSolverPlusPlus = "dpmpp_2m"
  case sdeDPMSolverPlusPlus = "dpmpp_2m_sde"
  case ddim
  case unipc

  /// As A1111 and ComfyUI write it in a picture's parameters.
  public var title: String {
    switch self {
    case .euler: "Euler"
    case .eulerAncestral: "Euler a"
    case .heun: "Heun"
    case .dpmSolverPlusPlus: "DPM++ 2M"
    case .sdeDPMSolverPlusPlus: "DPM++ 2M SDE"
    case .ddim: "DDIM"
    case .unipc: "UniPC"
    }
  }

  /// Share of fresh noise unless asked otherwise; nil for methods that add none.
  public var usualEta: Double? {
    switch self {
    case .eulerAncestral, .sdeDPMSolverPlusPlus: 1
    case .ddim: 0
    case .euler, .heun, .dpmSolverPlusPlus, .unipc: nil
    }
  }

  /// A sampler for one picture.
  /// - Parameter eta: share of fresh noise, for the methods with a `usualEta`
  public func makeSampler(eta: Double? = nil) -> any Sampler {
    let eta = eta ?? usualEta ?? 0
    return switch self {
    case .euler: EulerSampler()
    case .eulerAncestral: EulerAncestralSampler(eta: eta)
    case .heun: HeunSampler()
    case .dpmSolverPlusPlus: DPMSolverPlusPlusSampler()
    case .sdeDPMSolverPlusPlus: SDEDPMSolverPlusPlusSampler(eta: eta)
    case .ddim: DDIMSampler(eta: eta)
    case .unipc: UniPCSampler()
    }
  }

  /// - Parameter place: where the method was named
  /// - Throws: `InputError` when the method is not defined for what a model predicts.
  public func requireSupport(
    of prediction: PredictionType, place: String
  ) throws(InputError) {
    guard prediction == .flow else { return }
    let hint: String
    switch self {
    case .euler, .heun, .dpmSolverPlusPlus: return
    case .ddim: hint = "on straight paths DDIM is Euler's method: use euler"
    case .eulerAncestral, .sdeDPMSolverPlusPlus:
      hint =
        "its noise is defined by the variance-preserving schedule of v and epsilon; "
        + "use euler, heun or dpmpp_2m"
    case .unipc: hint = "use dpmpp_2m, whose prediction step is the same"
    }
    throw InputError(
      place, expected: "a sampler for flow: euler, heun or dpmpp_2m", found: rawValue, hint: hint)
  }
}
