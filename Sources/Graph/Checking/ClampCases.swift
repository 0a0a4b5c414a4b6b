extension OperationCase {
  /// Values on both sides of the range, in one workgroup and in several.
  public static let clampCases: [OperationCase] = [
    OperationCase(
      Clamp(-0.5...0.25), [TensorType([7])], fills: [0: .uniform(-1, 1)], differentiable: [0]),
    OperationCase(Clamp(-30...20), [TensorType([3, 5, 7, 4])], fills: [0: .uniform(-40, 40)]),
    OperationCase(Clamp(-30...20), [TensorType([1031, 3], .f16)], fills: [0: .uniform(-40, 40)]),
    OperationCase(Clamp(-1...1), [TensorType([257], .bf16)], fills: [0: .uniform(-2, 2)]),
    OperationCase(ClampGradient(-0.5...0.25), [TensorType([1030]), TensorType([1030])]),
    OperationCase(ClampGradient(-0.5...0.25), [TensorType([33], .f16), TensorType([33])]),
  ]
}
