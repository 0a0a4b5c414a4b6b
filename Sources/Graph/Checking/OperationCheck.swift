/// One use of an operation at given shapes, to be checked on every backend.
public struct OperationCase: Sendable, CustomStringConvertible {
  /// What is checked.
  public let operation: any Operation
  /// Types of what it is given.
  public let inputs: [TensorType]
  /// How input i is filled; uniform on [-1, 1) where nothing is said.
  public let fills: [Int: InputFill]
  /// Inputs with respect to which the gradient is checked; empty: the operation has none.
  public let differentiable: [Int]

  public init(
    _ operation: some Operation, _ inputs: [TensorType], fills: [Int: InputFill] = [:],
    differentiable: [Int] = []
  ) {
    self.operation = operation
    self.inputs = inputs
    self.fills = fills
    self.differentiable = differentiable
  }

  public var description: String {
    "\(operation) (\(inputs.map(\.description).joined(separator: ", ")))"
  }

  /// Reproducible inputs, rounded to their storage.
  public func makeInputs(seed: UInt64 = 1) -> [TensorData] {
    inputs.enumerated().map { index, type in
      let fill = fills[index] ?? .uniform(-1, 1)
      let values = (0..<type.elementCount).map {
        fill.value(at: $0, seed: seed &+ UInt64(index) << 32)
      }
      return TensorData(type, doubles: values)
    }
  }
}

/// How an input of a check is filled.
public enum InputFill: Sendable {
  case uniform(Double, Double)
  /// Whole numbers in a range, for ids and keys.
  case integers(Range<Int>)
  /// The values in turn, repeated.
  case values([Double])

  func value(at index: Int, seed: UInt64) -> Double {
    switch self {
    case .uniform(let low, let high): low + (high - low) * unit(index, seed)
    case .integers(let range):
      Double(range.lowerBound + Int(unit(index, seed) * Double(range.count)))
    case .values(let values): values[index % values.count]
    }
  }

  /// splitmix64, uniform on [0, 1).
  private func unit(_ index: Int, _ seed: UInt64) -> Double {
    var z = seed &* 0x9e37_79b9_7f4a_7c15 &+ UInt64(index) &* 0xd134_2543_de82_ef95
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return Double((z ^ (z >> 31)) >> 11) * 0x1p-53
  }
}

/// What a check found: the largest error of each output, relative to the output's size.
public struct CheckResult: Sendable {
  /// `||found - expected|| / ||expected||` for each output (absolute norm where expected is zero).
  public let relativeErrors: [Double]
  /// The largest of the errors.
  public var worst: Double { relativeErrors.max() ?? 0 }
}

extension OperationCase {
  /// Runs the operation on a backend and compares every output with the CPU meaning.
  public func check(on backend: any Backend) throws -> CheckResult {
    let data = makeInputs()
    let expected = try run(on: ReferenceBackend(), data)
    let found = try run(on: backend, data)
    return CheckResult(relativeErrors: zip(found, expected).map(relativeError))
  }

  /// Outputs on a backend, as host tensors.
  public func run(on backend: any Backend, _ data: [TensorData]) throws -> [HostTensor] {
    let graph = Graph()
    let tensors = inputs.enumerated().map { graph.input("input\($0)", $1) }
    let results = graph.apply(operation, tensors)
    for (index, result) in results.enumerated() { graph.output("output\(index)", result) }
    let program = try backend.makeStore([]).load(backend.plan(graph))
    let named = data.enumerated().map { ("input\($0)", $1) }
    let outputs = try program.run(Dictionary(uniqueKeysWithValues: named))
    return results.indices.compactMap { outputs["output\($0)"]?.hostTensor }
  }

  /// Compares the operation's gradient rule with central differences, both in Double.
  ///
  /// The scalar is the sum of all outputs times fixed weights, so a mistake in any element shows.
  /// - Returns: relative error of the gradient for each differentiable input.
  public func checkGradient(step: Double = 1e-4) -> CheckResult {
    let values = makeInputs().map(\.hostTensor)
    let types = outputTypes()
    let weights = types.indices.map { index in
      types[index].shape.isEmpty
        ? [1]
        : (0..<types[index].elementCount).map {
          InputFill.uniform(-1, 1).value(at: $0, seed: 77 &+ UInt64(index))
        }
    }
    let scalar = { (inputs: [HostTensor]) -> Double in
      zip(self.operation.evaluate(inputs, outputs: types), weights).reduce(0) { sum, pair in
        sum + zip(pair.0.values, pair.1).reduce(0) { $0 + $1.0 * $1.1 }
      }
    }
    let analytic = analyticGradients(values, weights: zip(types, weights).map(HostTensor.init))
    let errors = zip(differentiable, analytic).map { input, gradient in
      var numeric = HostTensor(zeros: inputs[input])
      for element in numeric.values.indices {
        var moved = values
        moved[input].values[element] += step
        let above = scalar(moved)
        moved[input].values[element] -= 2 * step
        numeric.values[element] = (above - scalar(moved)) / (2 * step)
      }
      return relativeError(gradient, numeric)
    }
    return CheckResult(relativeErrors: errors)
  }

  private func outputTypes() -> [TensorType] {
    do { return try operation.outputTypes(inputs) } catch {
      preconditionFailure("\(self): \(error)")
    }
  }

  /// Gradients through the rule, evaluated node by node in Double.
  private func analyticGradients(_ inputs: [HostTensor], weights: [HostTensor]) -> [HostTensor] {
    let graph = Graph()
    let tensors = inputs.enumerated().map { graph.input("input\($0)", $1.type) }
    let results = graph.apply(operation, tensors)
    let cotangents = weights.enumerated().map { graph.input("weight\($0)", $1.type) }
    let gradients = operation.gradient(
      GradientContext(
        inputs: tensors, outputs: results, outputGradients: cotangents,
        needs: inputs.indices.map(differentiable.contains)))
    var values: [Int: HostTensor] = [:]
    for (tensor, value) in zip(tensors + cotangents, inputs + weights) { values[tensor.id] = value }
    for node in graph.nodes {
      let read = node.inputs.compactMap { values[$0] }
      let written = node.operation.evaluate(
        read, outputs: node.outputs.map { graph.values[$0].type })
      for (id, value) in zip(node.outputs, written) { values[id] = value }
    }
    return differentiable.map { input in
      guard let gradient = gradients[input], let value = values[gradient.id] else {
        return HostTensor(zeros: self.inputs[input])
      }
      return value
    }
  }
}

/// `||a - b|| / ||b||`; `||a||` where b is zero; infinity where either is not finite.
public func relativeError(_ a: HostTensor, _ b: HostTensor) -> Double {
  let difference = zip(a.values, b.values).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
  let size = b.values.reduce(0) { $0 + $1 * $1 }
  let error = (size == 0 ? difference : difference / size).squareRoot()
  return error.isFinite && a.values.count == b.values.count ? error : .infinity
}
