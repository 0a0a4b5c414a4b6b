import Graph

/// Where gradients are between the backward pass and the update.
///
/// `Documentation/0005-memory.md` tells what each costs.
public enum GradientPolicy: String, Sendable, Hashable, CaseIterable {
  /// Kept until all are there: clipped by their own norm, over any number of batches. Over one batch
  /// in the storage of the parameters, which loses nothing; sums over several in f32.
  case kept
  /// As `kept`, but sums over several batches are rounded to bf16.
  case keptBF16 = "kept_bf16"
  /// Freed as soon as their parameters are updated, in the backward pass; clipped by the norm of the
  /// update before, if at all; the first by its own, which a pass before tells.
  case lastNorm = "last_norm"
  /// Freed as soon as their parameters are updated; a backward pass before that tells the norm.
  case twoPasses = "two_passes"

  /// Whether parameters are updated within the backward pass.
  public var updatesInBackward: Bool { self == .lastNorm || self == .twoPasses }

  /// How a parameter's gradient is kept; nil where it is not.
  /// - Parameter accumulation: batches of an update
  public func storage(of parameter: Variable, accumulation: Int) -> DType? {
    switch self {
    case .kept: accumulation == 1 ? parameter.type.dtype : .f32
    case .keptBF16: parameter.type.rank > 1 ? .bf16 : .f32
    case .lastNorm, .twoPasses: nil
    }
  }
}

/// How training uses the device's memory.
public struct MemoryPolicy: Sendable, Hashable {
  /// Bytes of the device that a training step may take; nil for no limit.
  public var budgetByteCount: Int?
  /// Where gradients are; nil picks what changes no result (`StepPlanner.suited`).
  public var gradients: GradientPolicy?

  public init(budgetByteCount: Int? = nil, gradients: GradientPolicy? = nil) {
    self.budgetByteCount = budgetByteCount
    self.gradients = gradients
  }
}

extension StateName {
  /// Global norm of the update before (f32 [1]); before the first its own, or 0 where no pass told it.
  public static let lastNorm = "optimizer.last_norm"
  /// Global norm that the first of two passes leaves for the second (f32 [1]).
  public static let norm = "optimizer.norm"
}
