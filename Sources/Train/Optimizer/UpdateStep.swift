import Graph

/// Clipping by global norm and the optimizer.
public enum UpdateStep {
  /// Builds the graph over the trained parameters. Input: `learning_rate` [1].
  /// Outputs: `gradient_norm` [1] before clipping; not finite when the update was skipped.
  /// - Parameters:
  ///   - maximumNorm: nil clips nothing.
  ///   - seed: of stochastic rounding, for parameters and states of 16 bits.
  public static func graph(
    _ parameters: [Variable], optimizer: OptimizerSettings, maximumNorm: Double?, seed: UInt64 = 0
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
    graph.output("gradient_norm", norm)
    let control = Tensor.apply(
      ClipControl(maximumNorm: maximumNorm.map(Float.init)), [norm, step])
    let (scale, nextStep) = (control[0], control[1])
    graph.assign(nextStep, to: step)
    optimizer.update(
      graph, updated,
      UpdateContext(learningRate: learningRate, step: nextStep, scale: scale, seed: seed))
    return graph
  }
}
