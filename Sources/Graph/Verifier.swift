extension Graph {
  /// Checks what the planner and the backends rely on; a violation is a programmer's mistake.
  ///
  /// Types are derived again from the shape rules, operations read only what was computed before
  /// them, and nothing reads a variable's old contents after it has been overwritten.
  public func verify() {
    var isDefined = values.map { value in
      if case .node = value.source { return false }
      return true
    }
    for (index, node) in nodes.enumerated() {
      precondition(
        node.inputs.allSatisfy { isDefined[$0] },
        "node \(index) (\(node.operation.name)) reads a value that is not computed before it")
      let derived = try? node.operation.outputTypes(node.inputs.map { values[$0].type })
      precondition(
        derived == node.outputs.map { values[$0].type },
        "node \(index) (\(node.operation.name)) does not follow its shape rule")
      for output in node.outputs { isDefined[output] = true }
    }
    verifyAssignments()
  }

  private func verifyAssignments() {
    var reads: [Int: [(node: Int, input: Int)]] = [:]  // by the variable's value
    for (index, node) in nodes.enumerated() {
      for (position, input) in node.inputs.enumerated() {
        let root = storageRoots[input]
        guard case .variable = values[root].source else { continue }
        reads[root, default: []].append((index, position))
      }
    }
    var variableValues: [Int: Int] = [:]
    for (id, value) in values.enumerated() {
      if case .variable(let index) = value.source { variableValues[index] = id }
    }
    for (value, variable) in assignments {
      guard case .node(let writer, let output) = values[value].source,
        let old = variableValues[variable]
      else { preconditionFailure("variable \(variables[variable].name) is assigned no result") }
      let inPlace = nodes[writer].operation.inPlacePairs.filter { $0.output == output }
      for read in reads[old] ?? [] where read.node >= writer {
        precondition(
          read.node == writer && inPlace.contains { $0.input == read.input },
          "node \(read.node) (\(nodes[read.node].operation.name)) reads "
            + "\(variables[variable].name) after it is overwritten")
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
}
