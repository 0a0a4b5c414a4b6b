import Graph

/// Dynamic loss scaling: gradients are computed times a scale that keeps them within f16, on the device
/// from the loss to the update that divides by it. What is not finite skips the update and halves the
/// scale; a row of good updates doubles it. The host learns of it from the metrics.
///
/// - Source: Micikevicius et al., arXiv 1710.03740, section 3.2; `torch.amp.GradScaler`, whose defaults
///   these are.
public struct LossScaling: Sendable, Hashable {
  /// The scale of a new run, a power of two.
  public var initialScale: Float
  /// Good updates in a row after which the scale doubles.
  public var growthInterval: Int

  public init(initialScale: Float = 65536, growthInterval: Int = 2000) {
    self.initialScale = initialScale
    self.growthInterval = growthInterval
  }

  /// What lives on the device, and its values in a new run: the scale, and the count of good updates
  /// in a row.
  public var states: [(variable: Variable, initial: Float)] {
    [(StateName.lossScale, initialScale), (StateName.goodSteps, 0)].map { name, initial in
      (Variable(name: name, type: TensorType([1]), kind: .state), initial)
    }
  }

  /// The scale of gradients that are read back one by one, which must not depend on what was before.
  static let fixedScale: Float = 1024
}
