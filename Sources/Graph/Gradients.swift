extension Graph {
  /// Reverse-mode gradients of a scalar with respect to `targets`, appended to the graph.
  ///
  /// Only what lies between the targets and the scalar is differentiated, so that nothing is
  /// spent on frozen parameters or on inputs.
  /// - Parameter seed: the gradient of the scalar itself, in its type: what all others are multiples
  ///   of; nil takes 1
  /// - Returns: for each target its gradient, in the target's shape; nil where the scalar does
  ///   not depend on it.
  public func gradients(
    of scalar: Tensor, withRespectTo targets: [Tensor], seed: Tensor? = nil
  ) -> [Tensor?] {
    precondition(scalar.type.elementCount == 1, "gradient of \(scalar.type), which is no scalar")
    let needed = valuesDepending(on: targets.map(\.id))
    let isTarget = Set(targets.map(\.id))
    var gradients: [Int: Tensor] = [:]
    precondition(seed.map { $0.type == scalar.type } ?? true, "seed of another type")
    gradients[scalar.id] = seed ?? apply(Fill(value: 1), [scalar])[0]
    for node in nodes.reversed() {
      let outputGradients = node.outputs.map { gradients[$0] }
      guard outputGradients.contains(where: { $0 != nil }),
        node.outputs.contains(where: needed.contains)
      else { continue }
      let context = GradientContext(
        inputs: node.inputs.map(tensor), outputs: node.outputs.map(tensor),
        outputGradients: outputGradients, needs: node.inputs.map(needed.contains))
      let firstNode = nodes.count
      var results = node.operation.gradient(context)
      precondition(
        results.count == node.inputs.count,
        "\(node.operation.name): \(results.count) gradients for \(node.inputs.count) inputs")
      for (index, input) in node.inputs.enumerated() where needed.contains(input) {
        guard let gradient = results[index] else { continue }
        precondition(
          gradient.shape == values[input].type.shape,
          "\(node.operation.name): gradient \(gradient.type) of input \(values[input].type)")
        gradients[input] =
          gradients[input].map { before in
            let canReachBack = isTarget.isDisjoint(with: node.outputs)
            return fusedSum(before, index, of: &results, since: firstNode, canReachBack)
              ?? before + gradient
          } ?? gradient
      }
    }
    return targets.map { gradients[$0.id] }
  }

  /// `before + results[index]`, added by the operation that makes the result, which is applied anew with
  /// `before` as one more input; the other results are then the new operation's too, and the node before
  /// is dead. Nil where that cannot be done: the operation does not add, or others use its output 0.
  ///
  /// - Parameters:
  ///   - firstNode: the first node made for these results
  ///   - canReachBack: the gradient that a reshape passes on is nobody's own, so that the product that
  ///     made it may be the one that adds
  private func fusedSum(
    _ before: Tensor, _ index: Int, of results: inout [Tensor?], since firstNode: Int,
    _ canReachBack: Bool
  ) -> Tensor? {
    guard let result = results[index] else { return nil }
    var made = result
    while case .node(let node, _) = values[made.id].source, node >= firstNode,
      nodes[node].operation.isAlias
    {
      made = tensor(nodes[node].inputs[0])
    }
    guard case .node(let maker, 0) = values[made.id].source,
      maker >= firstNode || (canReachBack && nodes[maker].outputs.count == 1),
      let adding = nodes[maker].operation.addingInput(), before.dtype == made.dtype,
      useCounts[made.id] == (made.id == result.id ? 0 : 1),
      results.count(where: { $0?.id == result.id }) == 1
    else { return nil }
    let inputs = nodes[maker].inputs.map(tensor) + [before.reshaped(to: made.shape)]
    let outputs = apply(adding, inputs)
    for (old, new) in zip(nodes[maker].outputs, outputs) where old != made.id {
      for other in results.indices where results[other]?.id == old { results[other] = new }
    }
    return outputs[0].reshaped(to: result.shape)
  }

  /// The targets and every value computed from them.
  private func valuesDepending(on targets: [Int]) -> Set<Int> {
    var found = Set(targets)
    for node in nodes where node.inputs.contains(where: found.contains) {
      found.formUnion(node.outputs)
    }
    return found
  }

  private func tensor(_ id: Int) -> Tensor { Tensor(graph: self, id: id) }
}
