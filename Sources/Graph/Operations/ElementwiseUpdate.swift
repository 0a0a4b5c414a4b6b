/// Which tensors an update is about.
public struct UpdatedTensors: Hashable, Sendable {
  /// Position of each among all trained parameters, which keys its random numbers.
  public let indices: [Int]
  /// Of stochastic rounding.
  public let seed: UInt64

  /// Number of tensors.
  public var count: Int { indices.count }

  public init(indices: [Int], seed: UInt64) {
    self.indices = indices
    self.seed = seed
  }

  /// The first `count` parameters.
  public init(count: Int, seed: UInt64 = 0) {
    self.init(indices: Array(0..<count), seed: seed)
  }
}

/// The update of n parameters, element by element, each with some states of its shape.
///
/// Inputs: learningRate, t (the count of updates, this one included), scale, each f32 [1]; then n
/// weights, n gradients, n first states, n second states, ...: the same shapes in the same order.
/// Outputs: n weights, n first states, ... With `g = scale gradient`; nothing changes where scale < 0.
/// Weights, gradients and states are f32, f16 or bf16. What is stored in 16 bits is rounded
/// stochastically (`UpdateRandom`: role 0 the weight, from 1 the states).
public protocol ElementwiseUpdate: Operation {
  /// States of an element.
  static var stateCount: Int { get }
  /// Which tensors are updated.
  var tensors: UpdatedTensors { get }
  /// Operations for each element.
  static var flopsOfElement: Int { get }

  /// The rule at one learning rate and count of updates, in Double: changes weight and states by a
  /// gradient.
  func rule(
    learningRate: Double, t: Double
  ) -> (_ weight: inout Double, _ states: inout [Double], _ gradient: Double) -> Void
}

extension ElementwiseUpdate {
  public var inPlacePairs: [(input: Int, output: Int)] {
    let n = tensors.count
    return (0..<n).map { (3 + $0, $0) }
      + (0..<Self.stateCount * n).map { (3 + 2 * n + $0, n + $0) }
  }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    let n = tensors.count
    try requireUpdate(inputs, tensors: n, roles: 2 + Self.stateCount)
    for (index, input) in inputs[3...].enumerated() {
      let weight = inputs[3 + index % n]
      try requireShape(
        input.shape == weight.shape && DType.storage.contains(input.dtype),
        "role \(index / n) \(input) of the weight \(weight)")
    }
    return updatedRoles(of: inputs, tensors: n)
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let n = tensors.count
    let (learningRate, t, scale) = (
      inputs[0].values[0], inputs[1].values[0], inputs[2].values[0]
    )
    var results = updatedRoles(of: inputs, tensors: n)
    if scale < 0 { return results }
    let update = rule(learningRate: learningRate, t: t)
    for tensor in 0..<n {
      let roles = (0...Self.stateCount).map { role in
        (
          output: role * n + tensor, dtype: outputs[role * n + tensor].dtype,
          random: UpdateRandom(
            seed: tensors.seed, tensor: tensors.indices[tensor], step: t, role: role)
        )
      }
      for (element, gradient) in inputs[3 + n + tensor].values.enumerated() {
        var weight = results[tensor].values[element]
        var states = roles.dropFirst().map { results[$0.output].values[element] }
        update(&weight, &states, scale * gradient)
        for (role, value) in zip(roles, [weight] + states) {
          results[role.output].values[element] = role.random.rounded(
            value, to: role.dtype, element: element)
        }
      }
    }
    return results
  }

  public func flopCount(_ inputs: [TensorType], outputs: [TensorType]) -> Int {
    inputs[3..<3 + tensors.count].reduce(0) { $0 + Self.flopsOfElement * $1.elementCount }
  }
}

extension UpdateRandom {
  /// A value as `dtype` holds it, of an element.
  public func rounded(_ value: Double, to dtype: DType, element: Int) -> Double {
    dtype == .f32
      ? value : StochasticRounding.rounded(value, to: dtype, random: bits(element))
  }
}

/// Scalars first, then tensors by role: what the inputs of every update begin with.
func requireUpdate(
  _ inputs: [TensorType], tensors n: Int, roles: Int
) throws(ShapeError) {
  let scalar = TensorType([1], .f32)
  try requireShape(
    n > 0 && inputs.count == 3 + roles * n,
    "takes 3 scalars and \(n) tensors of each of \(roles) roles, not \(inputs.count) inputs")
  try requireShape(
    inputs[..<3].allSatisfy { $0 == scalar }, "learningRate, t and scale are not \(scalar)")
}

/// What an update changes among its inputs: weights and states, without scalars and gradients.
func updatedRoles<Value>(of inputs: [Value], tensors n: Int) -> [Value] {
  Array(inputs[3..<3 + n]) + Array(inputs[(3 + 2 * n)...])
}

/// - Parameter roles: weight, gradient and states of one tensor
func requireRoles(_ roles: [TensorType], states: [TensorType]) throws(ShapeError) {
  try requireShape(
    roles[1].shape == roles[0].shape && DType.storage.contains(roles[0].dtype)
      && DType.storage.contains(roles[1].dtype) && Array(roles[2...]) == states,
    "states \(roles[1...]) of the weight \(roles[0])")
}
