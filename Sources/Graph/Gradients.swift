extension Graph {
  /// Reverse-mode gradients of a scalar with respect to `targets`, appended to the graph.
  ///
  /// Only what lies between the targets and the scalar is differentiated, so that nothing is
  /// spent on frozen parameters or on inputs.
  /// - Returns: for each target its gradient, in the target's shape; nil where the scalar does
  ///   not depend on it.
  public func gradients(of scalar: Tensor, withRespectTo targets: [Tensor]) -> [Tensor?] {
    precondition(scalar.type.elementCount == 1, "gradient of \(scalar.type), which is no scalar")
    let needed = valuesDepending(on: targets.map(\.id))
    var gradients: [Int: Tensor] = [:]
    gradients[scalar.id] = apply(Fill(value: 1), [scalar])[0]
    for node in nodes.reversed() {
      let outputGradients = node.outputs.map { gradients[$0] }
      guard outputGradients.contains(where: { $0 != nil }),
        node.outputs.contains(where: needed.contains)
      else { continue }
      let context = GradientContext(
        inputs: node.inputs.map(tensor), outputs: node.outputs.map(tensor),
        outputGradients: outputGradients, needs: node.inputs.map(needed.contains))
      let results = node.operation.gradient(context)
      precondition(
        results.count == node.inputs.count,
        "\(node.operation.name): \(results.count) gradients for \(node.inputs.count) inputs")
      for (input, gradient) in zip(node.inputs, results) where needed.contains(input) {
        guard let gradient else { continue }
        precondition(
          gradient.shape == values[input].type.shape,
          "\(node.operation.name): gradient \(gradient.type) of input \(values[input].type)")
        gradients[input] = gradients[input].map { $0 + gradient } ?? gradient
      }
    }
    return targets.map { gradients[$0.id] }
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
