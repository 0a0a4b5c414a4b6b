import Graph

/// Clipping by global norm and the optimizer.
public enum UpdateStep {
  /// Builds the graph over the trained parameters. Input: `learning_rate` [1].
  /// Outputs: `gradient_norm` [1] before clipping; not finite when the update was skipped. With loss
  /// scaling also `loss_scale` [1], of the next update.
  /// - Parameters:
  ///   - gradients: as they are kept, in the order of the parameters; nil: in f32
  ///   - maximumNorm: nil clips nothing.
  ///   - lossScaling: when the gradients come times the variable `StateName.lossScale`
  ///   - seed: of stochastic rounding, for parameters and states of 16 bits.
  public static func graph(
    _ parameters: [Variable], gradients: [Variable]? = nil, optimizer: OptimizerSettings,
    maximumNorm: Double?, lossScaling: LossScaling? = nil, seed: UInt64 = 0
  ) -> Graph {
    let graph = Graph()
    let gradients =
      gradients
      ?? parameters.map {
        Variable(
          name: StateName.gradient($0.name), type: TensorType($0.type.shape), kind: .state)
      }
    let updated = zip(parameters, gradients).enumerated().map { index, pair in
      UpdatedParameter(
        variable: pair.0, index: index, weight: graph.variable(pair.0),
        gradient: graph.variable(pair.1))
    }
    let learningRate = graph.input("learning_rate", TensorType([1]))
    let control = control(
      graph, norm: Tensor.apply(GlobalNorm(), updated.map(\.gradient))[0],
      maximumNorm: maximumNorm, lossScaling: lossScaling)
    graph.output("gradient_norm", control.norm)
    graph.assign(control.step, to: control.stepBefore)
    optimizer.update(
      graph, updated,
      UpdateContext(
        learningRate: learningRate, step: control.step, scale: control.scale, seed: seed))
    return graph
  }

  /// What a norm means for an update.
  struct Control {
    /// What gradients are multiplied by; negative to skip.
    let scale: Tensor
    /// Count of updates, this one included; whoever builds the update assigns it.
    let step: Tensor
    /// The variable with the count before.
    let stepBefore: Tensor
    /// The norm without a loss scale.
    let norm: Tensor
  }

  /// Adds what a norm means for an update, and the state of loss scaling, which is also an output.
  /// - Parameter norm: times the loss scale, if there is one
  static func control(
    _ graph: Graph, norm: Tensor, maximumNorm: Double?, lossScaling: LossScaling?
  ) -> Control {
    let step = graph.variable(StateName.step, TensorType([1]), .state)
    let scaling = (lossScaling?.states ?? []).map { state in
      graph.existing(state.variable.name) ?? graph.variable(state.variable)
    }
    let operation = ClipControl(
      maximumNorm: maximumNorm.map(Float.init),
      lossScaling: lossScaling.map { .init(growthInterval: $0.growthInterval) })
    let control = Tensor.apply(operation, [norm, step] + scaling)
    if lossScaling != nil {
      graph.output("loss_scale", control[3])
      for (value, variable) in zip(control[3...], scaling) { graph.assign(value, to: variable) }
    }
    return Control(
      scale: control[0], step: control[1], stepBefore: step,
      norm: lossScaling == nil ? norm : control[2])
  }
}
