import Graph

extension MicroStep {
  /// What a pass does whose gradients are freed as they are used.
  public enum Pass: Hashable, Sendable {
    /// Leaves the global norm in a variable, updates nothing.
    case norm
    /// As `norm`, where `updateByLastNorm` looks for it: before the first update.
    case firstNorm
    /// Updates, clipped by the norm that the pass before left.
    case updateByNorm
    /// Updates, clipped by the norm of the update before.
    case updateByLastNorm

    /// Whether it only tells the norm.
    var onlyTells: Bool { self == .norm || self == .firstNorm }

    /// The variable through which the norm is passed on.
    var normName: String {
      self == .norm || self == .updateByNorm ? StateName.norm : StateName.lastNorm
    }
  }

  /// Builds forward, backward and the updates of one batch that is an update by itself. Each gradient
  /// lives until its parameter is updated; a schedule places the updates (`Graph.scheduled`).
  ///
  /// Inputs as `graph`, and `learning_rate` [1] unless the pass updates nothing. Outputs: `loss`,
  /// `sample.losses` and, of a pass that updates, `gradient_norm` [1], before clipping. Without a finite
  /// loss and norm from before nothing is updated; in a pass by the last norm, parameters in whose group
  /// a gradient is not finite stay as they are, and the update does not count.
  /// - Parameters:
  ///   - noise: nil: as the settings shape it
  ///   - reportsNorms: whether the norm of each gradient, as it comes, is an output `norm.NAME`
  public static func graph(
    _ shape: BatchShape, _ pass: Pass, settings: TrainerSettings, noise: Noise? = nil,
    reportsNorms: Bool = false, denoiser: Denoiser
  ) -> Graph {
    let (graph, loss) = forward(
      shape, loss: settings.loss, noise: noise ?? .shaped(settings.noise), denoiser: denoiser)
    let groups = gradientGroups(graph, loss, scalesLoss: settings.lossScaling != nil)
    graph.cut(Graph.updateSegment)
    let norms = groups.map { Tensor.apply(GlobalNorm(), $0.map(\.gradient))[0] }
    if reportsNorms {
      for parameter in groups.joined() {
        let norm = Tensor.apply(GlobalNorm(), [parameter.gradient])[0]
        graph.output("norm." + parameter.variable.name, norm)
      }
    }
    let given = graph.variable(pass.normName, TensorType([1]), .state)
    if pass.onlyTells {
      graph.assign(Tensor.apply(GlobalNorm(), norms)[0], to: given)
      return graph
    }
    let checked = given.ifFinite(loss, else: loss)
    let control = UpdateStep.control(
      graph, norm: checked, maximumNorm: settings.maximumNorm, lossScaling: settings.lossScaling)
    let (scale, step) = (control.scale, control.step)
    let learningRate = graph.input("learning_rate", TensorType([1]))
    let skip = Tensor.apply(Fill(value: -1), [scale])[0]
    for (group, norm) in zip(groups, norms) {
      settings.optimizer.update(
        graph, group,
        UpdateContext(
          learningRate: learningRate, step: step,
          scale: pass == .updateByNorm ? scale : scale.ifFinite(norm, else: skip),
          seed: settings.seed))
    }
    if pass == .updateByNorm {
      graph.output("gradient_norm", control.norm)
      graph.assign(step, to: control.stepBefore)
    } else {
      let norm = Tensor.apply(GlobalNorm(), norms)[0]
      graph.output("gradient_norm", norm.ifFinite(checked, else: checked))
      graph.assign(norm.ifFinite(norm, else: given), to: given)
      graph.assign(step.ifFinite(norm, else: control.stepBefore), to: control.stepBefore)
    }
    return graph
  }

  /// Bytes of gradients that are updated together: launches of small tensors are shared.
  private static let groupByteCount = 16 << 20

  /// The trained parameters with their gradients, in the order in which these are complete, a few
  /// together.
  private static func gradientGroups(
    _ graph: Graph, _ loss: Tensor, scalesLoss: Bool
  ) -> [[UpdatedParameter]] {
    let parameters = graph.trainedParameters
    graph.cut(Graph.backwardSegment)
    let seed = scalesLoss ? lossScale(graph, loss, .replace) : nil
    let gradients = graph.gradients(
      of: loss, withRespectTo: parameters.map(\.tensor), seed: seed)
    let updated = zip(parameters, gradients).enumerated().map { index, pair in
      let ((variable, weight), gradient) = pair
      return UpdatedParameter(
        variable: variable, index: index, weight: weight,
        gradient: gradient ?? Tensor.apply(Fill(value: 0), [weight])[0])
    }
    let order = updated.sorted { ($0.gradient.id, $0.index) < ($1.gradient.id, $1.index) }
    var groups: [[UpdatedParameter]] = []
    var byteCount = groupByteCount
    for parameter in order {
      if byteCount >= groupByteCount {
        groups.append([])
        byteCount = 0
      }
      groups[groups.count - 1].append(parameter)
      byteCount += parameter.gradient.type.byteCount
    }
    return groups
  }
}
