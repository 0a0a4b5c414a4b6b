import Graph

/// Adafactor without first moment, parameter scale and relative step. Weights of two and more
/// dimensions are factored as matrices of output by input times window.
/// - Source: Shazeer and Stern, arXiv 1804.04235.
public struct AdafactorSettings: OptimizerRule {
  /// Below 0: b = 1 - t^decayExponent averages the squares.
  public var decayExponent: Double
  /// Root mean square of an update above which it is scaled down to it.
  public var clipThreshold: Double
  /// Decoupled weight decay, times the learning rate.
  public var weightDecay: Double

  public init(
    decayExponent: Double = -0.8, clipThreshold: Double = 1, weightDecay: Double = 0
  ) {
    self.decayExponent = decayExponent
    self.clipThreshold = clipThreshold
    self.weightDecay = weightDecay
  }

  private func operation(
    _ tensors: UpdatedTensors, isFactored: Bool, isDecayed: Bool = false
  ) -> Adafactor {
    Adafactor(
      decayExponent: decayExponent, clipThreshold: clipThreshold,
      weightDecay: isDecayed ? weightDecay : 0, isFactored: isFactored, tensors: tensors)
  }

  public func states(of parameter: Variable) -> [Variable] {
    let isFactored = parameter.type.rank > 1
    let types = operation(UpdatedTensors(count: 1), isFactored: isFactored)
      .states(parameter.type)
    let names =
      isFactored ? [StateName.rowMeans, StateName.columnMeans] : [StateName.secondMoment]
    return zip(names, types).map { name, type in
      Variable(name: name(parameter.name), type: type, kind: .state)
    }
  }

  public func update(
    _ graph: Graph, _ parameters: [UpdatedParameter], _ context: UpdateContext
  ) {
    for isFactored in [true, false] {
      for isDecayed in [true, false] {
        let tensors = parameters.filter {
          ($0.variable.type.rank > 1) == isFactored && $0.isDecayed == isDecayed
        }
        applyUpdate(graph, tensors, context) { updated in
          operation(updated, isFactored: isFactored, isDecayed: isDecayed)
        }
      }
    }
  }
}
