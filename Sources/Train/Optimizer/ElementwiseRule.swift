import Graph

/// A rule that is an `ElementwiseUpdate`.
protocol ElementwiseRule: OptimizerRule {
  associatedtype Update: ElementwiseUpdate

  /// Names of the states of a parameter, in the operation's order.
  var stateNames: [(String) -> String] { get }
  /// Storage of the states.
  var stateDType: DType { get }

  /// The operation.
  /// - Parameter isDecayed: whether weight decay applies
  func operation(_ tensors: UpdatedTensors, isDecayed: Bool) -> Update
}

extension ElementwiseRule {
  /// States of a parameter, in the operation's order.
  public func states(of parameter: Variable) -> [Variable] {
    stateNames.map { name in
      Variable(
        name: name(parameter.name), type: TensorType(parameter.type.shape, stateDType),
        kind: .state)
    }
  }

  /// One operation for those that decay and one for the others.
  public func update(
    _ graph: Graph, _ parameters: [UpdatedParameter], _ context: UpdateContext
  ) {
    for isDecayed in [true, false] {
      let tensors = parameters.filter { $0.isDecayed == isDecayed }
      applyUpdate(graph, tensors, context) { operation($0, isDecayed: isDecayed) }
    }
  }
}

extension OptimizerRule {
  /// Applies an operation whose inputs are scalars, weights, gradients and states by role, and whose
  /// outputs are weights and states. Nothing for no parameters.
  func applyUpdate(
    _ graph: Graph, _ parameters: [UpdatedParameter], _ context: UpdateContext,
    operation: (UpdatedTensors) -> some Operation
  ) {
    if parameters.isEmpty { return }
    let stored = parameters.map { states(of: $0.variable).map(graph.variable) }
    let weights = parameters.map(\.weight)
    let roles = stored[0].indices.flatMap { role in stored.map { $0[role] } }
    let results = Tensor.apply(
      operation(UpdatedTensors(indices: parameters.map(\.index), seed: context.seed)),
      context.scalars + weights + parameters.map(\.gradient) + roles)
    for (result, target) in zip(results, weights + roles) { graph.assign(result, to: target) }
  }
}

extension UpdateContext {
  /// What the inputs of every update begin with.
  var scalars: [Tensor] { [learningRate, step, scale] }
}
