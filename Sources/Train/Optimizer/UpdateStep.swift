import Graph

/// Clipping by global norm and the optimizer.
public enum UpdateStep {
  /// Builds the graph over the trained parameters. Input: `learning_rate` [1].
  /// Outputs: `gradient_norm` [1] before clipping; not finite when the update was skipped. With loss
  /// scaling also `loss_scale` [1], of the next update.
  /// - Parameters:
  ///   - maximumNorm: nil clips nothing.
  ///   - lossScaling: when the gradients come times the variable `StateName.lossScale`
  ///   - seed: of stochastic rounding, for parameters and states of 16 bits.
  public static func graph(
    _ parameters: [Variable], optimizer: OptimizerSettings, maximumNorm: Double?,
    lossScaling: LossScaling? = nil, seed: UInt64 = 0
  ) -> Graph {
    let graph = Graph()
    let updated = parameters.enumerated().map { index, variable in
      UpdatedParameter(
        variable: variable, index: index, weight: graph.variable(variable),
        gradient: graph.variable(
          StateName.gradient(variable.name), TensorType(variable.type.shape, .f32), .state))
    }
    let step = graph.variable(StateName.step, TensorType([1]), .state)
    let learningRate = graph.input("learning_rate", TensorType([1]))

    let norm = Tensor.apply(GlobalNorm(), updated.map(\.gradient))[0]
    let scaling = (lossScaling?.states ?? []).map { graph.variable($0.variable) }
    let operation = ClipControl(
      maximumNorm: maximumNorm.map(Float.init),
      lossScaling: lossScaling.map { .init(growthInterval: $0.growthInterval) })
    let control = Tensor.apply(operation, [norm, step] + scaling)
    let (scale, nextStep) = (control[0], control[1])
    graph.output("gradient_norm", lossScaling == nil ? norm : control[2])
    graph.assign(nextStep, to: step)
    if lossScaling != nil {
      graph.output("loss_scale", control[3])
      for (value, variable) in zip(control[3...], scaling) { graph.assign(value, to: variable) }
    }
    optimizer.update(
      graph, updated,
      UpdateContext(learningRate: learningRate, step: nextStep, scale: scale, seed: seed))
    return graph
  }
}
