import Graph

/// AdamW; defaults as in torch.
/// - Source: Loshchilov and Hutter, arXiv 1711.05101; `torch.optim.AdamW`.
public struct AdamWSettings: OptimizerRule {
  /// Decay of the first moment, in [0, 1).
  public var beta1 = 0.9
  /// Decay of the second moment, in [0, 1).
  public var beta2 = 0.999
  /// Added to the root of the second moment.
  public var epsilon = 1e-8
  /// Decoupled weight decay, times the learning rate.
  public var weightDecay = 0.01

  public init(
    beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0.01
  ) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
  }

  public func states(of parameter: Variable) -> [Variable] {
    [StateName.firstMoment, StateName.secondMoment].map { name in
      Variable(
        name: name(parameter.name), type: TensorType(parameter.type.shape), kind: .state)
    }
  }

  public func update(
    _ graph: Graph, _ parameters: [UpdatedParameter], _ context: UpdateContext
  ) {
    for isDecayed in [true, false] {
      let updated = parameters.filter { $0.isDecayed == isDecayed }
      if updated.isEmpty { continue }
      let weights = updated.map(\.weight)
      let moments = updated.map { states(of: $0.variable).map(graph.variable) }
      let targets = weights + moments.map { $0[0] } + moments.map { $0[1] }
      let operation = AdamW(
        beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: isDecayed ? weightDecay : 0,
        count: updated.count)
      let results = Tensor.apply(
        operation,
        [context.learningRate, context.step, context.scale] + weights + updated.map(\.gradient)
          + targets[updated.count...])
      for (result, target) in zip(results, targets) { graph.assign(result, to: target) }
    }
  }
}
