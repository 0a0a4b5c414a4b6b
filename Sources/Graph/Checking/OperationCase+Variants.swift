extension OperationCase {
  /// The case with the given inputs (all by default) in another storage; gradients are checked in
  /// Double and f32 cases alone.
  public func stored(as dtype: DType, _ stored: Set<Int>? = nil) -> OperationCase {
    let types = inputs.enumerated().map { index, type in
      let isStored = stored?.contains(index) ?? (type.dtype == .f32)
      return isStored ? TensorType(type.shape, dtype) : type
    }
    return copy(types)
  }

  /// The case and its 16-bit forms: in every storage of the given inputs (all f32 ones by default).
  func inEveryStorage(_ stored: Set<Int>? = nil) -> [OperationCase] {
    [self] + [DType.f16, .bf16].map { self.stored(as: $0, stored) }
  }

  /// The case and, where the operation can add an input on the way, the case with that.
  func withAddedInput() -> [OperationCase] {
    func adding(_ operation: some Operation) -> OperationCase? {
      guard let types = try? operation.outputTypes(inputs),
        let added = operation.addingInput()
      else { return nil }
      return of(added, inputs + [types[0]])
    }
    func of(_ operation: some Operation, _ inputs: [TensorType]) -> OperationCase {
      OperationCase(
        operation, inputs, fills: fills,
        differentiable: differentiable.isEmpty ? [] : Array(inputs.indices))
    }
    return [self] + [adding(operation)].compactMap { $0 }
  }

  private func copy(_ types: [TensorType]) -> OperationCase {
    func copied(_ operation: some Operation) -> OperationCase {
      OperationCase(operation, types, fills: fills)
    }
    return copied(operation)
  }
}

/// An operation seen through its first output: for checks of gradients where further outputs
/// (statistics, values for display) are not differentiated.
struct FirstOutput<Base: Operation>: Operation {
  static var name: String { Base.name }
  let base: Base

  init(_ base: Base) { self.base = base }

  func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    [try base.outputTypes(inputs)[0]]
  }

  func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    guard let types = try? base.outputTypes(inputs.map(\.type)) else {
      preconditionFailure("\(name): the shape rule held before")
    }
    return [base.evaluate(inputs, outputs: types)[0]]
  }

  func gradient(_ context: GradientContext) -> [Tensor?] {
    let outputs = Tensor.apply(base, context.inputs)
    return base.gradient(
      GradientContext(
        inputs: context.inputs, outputs: outputs,
        outputGradients: context.outputGradients + outputs.dropFirst().map { _ in nil },
        needs: context.needs))
  }
}
