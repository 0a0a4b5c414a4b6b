import Graph

/// Prodigy, which finds the step size itself: the learning rate is a factor of it, usually 1.
///
/// All parameters are updated together, because the step is estimated from all gradients.
/// - Source: Mishchenko and Defazio, arXiv 2306.06101; `prodigyopt`.
public struct ProdigySettings: OptimizerRule {
  /// Decay of the first moment, in [0, 1).
  public var beta1: Double
  /// Decay of the second moment, in (0, 1).
  public var beta2: Double
  /// Added to the root of the second moment, times the distance.
  public var epsilon: Double
  /// Decoupled weight decay, times the step.
  public var weightDecay: Double
  /// The first estimate of the distance.
  public var d0: Double
  /// Factor of the estimate.
  public var dCoefficient: Double
  /// Whether moments are corrected as in Adam.
  public var correctsBias: Bool
  /// Whether a warmup of the learning rate leaves the estimate alone.
  public var safeguardsWarmup: Bool

  public init(
    beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0,
    d0: Double = 1e-6, dCoefficient: Double = 1, correctsBias: Bool = false,
    safeguardsWarmup: Bool = false
  ) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.d0 = d0
    self.dCoefficient = dCoefficient
    self.correctsBias = correctsBias
    self.safeguardsWarmup = safeguardsWarmup
  }

  public var isSeparable: Bool { false }

  /// Moments, the weighted sum of gradients, and the weights before the first update.
  public func states(of parameter: Variable) -> [Variable] {
    let moment = TensorType(parameter.type.shape)
    let states = [
      (StateName.firstMoment, moment), (StateName.secondMoment, moment),
      (StateName.gradientSum, moment), (StateName.initialWeight, parameter.type),
    ]
    return states.map { name, type in
      Variable(name: name(parameter.name), type: type, kind: .state)
    }
  }

  private static let control = Variable(
    name: StateName.prodigyControl, type: TensorType([2]), kind: .state)

  /// Distance and numerator.
  public var sharedStates: [(variable: Variable, initial: [Float])] {
    [(Self.control, [Float(d0), 0])]
  }

  private var rule: ProdigyRule {
    ProdigyRule(
      beta1: beta1, beta2: beta2, epsilon: epsilon, d0: d0, dCoefficient: dCoefficient,
      correctsBias: correctsBias, safeguardsWarmup: safeguardsWarmup)
  }

  public func update(
    _ graph: Graph, _ parameters: [UpdatedParameter], _ context: UpdateContext
  ) {
    if parameters.isEmpty { return }
    let n = parameters.count
    let control = graph.variable(Self.control)
    let stored = parameters.map { states(of: $0.variable).map(graph.variable) }
    let roles = (0..<4).flatMap { role in stored.map { $0[role] } }
    let updated = UpdatedTensors(indices: parameters.map(\.index), seed: context.seed)
    let moments = Tensor.apply(
      ProdigyMoments(rule: rule, tensors: updated),
      context.scalars + parameters.map(\.weight) + parameters.map(\.gradient) + roles + [control])
    for (result, target) in zip(moments, roles) { graph.assign(result, to: target) }
    let distance = Tensor.apply(
      ProdigyDistance(rule: rule), context.scalars + [moments[4 * n], control])
    graph.assign(distance[0], to: control)
    for isDecayed in [true, false] {
      let chosen = parameters.indices.filter { parameters[$0].isDecayed == isDecayed }
      if chosen.isEmpty { continue }
      let operation = ProdigyUpdate(
        weightDecay: isDecayed ? weightDecay : 0,
        tensors: UpdatedTensors(
          indices: chosen.map { parameters[$0].index }, seed: context.seed))
      let weights = Tensor.apply(
        operation,
        [distance[1], context.step, context.scale] + chosen.map { parameters[$0].weight }
          + chosen.map { moments[$0] } + chosen.map { moments[n + $0] })
      for (result, index) in zip(weights, chosen) {
        graph.assign(result, to: parameters[index].weight)
      }
    }
  }
}
