extension Graph {
  /// Checks what the planner and the backends rely on; a violation is a programmer's mistake.
  ///
  /// Types are derived again from the shape rules, operations read only what was computed before
  /// them, and nothing reads a variable's old contents after it has been overwritten.
  public func verify() {
    var defined = Set(values.indices.filter { id in !isNodeOutput(id) })
    for (index, node) in nodes.enumerated() {
      precondition(
        node.inputs.allSatisfy(defined.contains),
        "node \(index) (\(node.operation.name)) reads a value that is not computed before it")
      let derived = try? node.operation.outputTypes(node.inputs.map { values[$0].type })
      precondition(
        derived == node.outputs.map { values[$0].type },
        "node \(index) (\(node.operation.name)) does not follow its shape rule")
      defined.formUnion(node.outputs)
    }
    verifyAssignments()
  }

  private func verifyAssignments() {
    let roots = storageRoots()
    for (value, variable) in assignments {
      guard case .node(let writer, let output) = values[value].source,
        let old = values.firstIndex(where: { $0.source == .variable(variable) })
      else { preconditionFailure("variable \(variables[variable].name) is assigned no result") }
      for (index, node) in nodes.enumerated() where index >= writer {
        let reads = node.inputs.enumerated().filter { roots[$0.element] == old }
        let inPlace = node.operation.inPlacePairs
        precondition(
          reads.allSatisfy { read in
            index == writer && inPlace.contains { $0 == (read.offset, output) }
          },
          "node \(index) (\(node.operation.name)) reads \(variables[variable].name) after it is "
            + "overwritten")
      }
    }
  }

  /// Nodes that an output or an assignment needs, in order.
  func liveNodes() -> [Int] {
    var needed = Set(outputs.map(\.value)).union(assignments.keys)
    var live: [Int] = []
    for (index, node) in nodes.enumerated().reversed()
    where node.outputs.contains(where: needed.contains) {
      live.append(index)
      needed.formUnion(node.inputs)
    }
    return live.reversed()
  }

  /// For each value the one whose storage it shares: itself, but for results of `Reshape`.
  func storageRoots() -> [Int] {
    var roots = Array(values.indices)
    for node in nodes where node.operation.isAlias {
      roots[node.outputs[0]] = roots[node.inputs[0]]
    }
    return roots
  }

  private func isNodeOutput(_ id: Int) -> Bool {
    if case .node = values[id].source { return true }
    return false
  }
}
