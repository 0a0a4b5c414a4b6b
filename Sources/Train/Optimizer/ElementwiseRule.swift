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
      let updated = parameters.filter { $0.isDecayed == isDecayed }
      if updated.isEmpty { continue }
      let stored = updated.map { states(of: $0.variable).map(graph.variable) }
      let targets =
        updated.map(\.weight) + stateNames.indices.flatMap { role in stored.map { $0[role] } }
      let operation = operation(
        UpdatedTensors(indices: updated.map(\.index), seed: context.seed), isDecayed: isDecayed)
      let results = Tensor.apply(
        operation,
        context.scalars + targets[..<updated.count] + updated.map(\.gradient)
          + targets[updated.count...])
      for (result, target) in zip(results, targets) { graph.assign(result, to: target) }
    }
  }
}

extension UpdateContext {
  /// What the inputs of every update begin with.
  var scalars: [Tensor] { [learningRate, step, scale] }
}
