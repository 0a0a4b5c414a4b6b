extension OperationCase {
  /// Philox normals: keys with small and large words, sizes that are no multiple of 4.
  public static let randomCases: [OperationCase] = [
    OperationCase(
      PhiloxNormal(shape: [9, 11, 4]), [TensorType([3, 5], .i32)],
      fills: [0: .values([1, 0, 0, 0, 0, -5, 77, 3, 2_000_000_000, 1, 0, -1, 12, 9, 3])]),
    OperationCase(
      PhiloxNormal(shape: [7]), [TensorType([5, 5], .i32)], fills: [0: .integers(-9..<999_999)]),
    OperationCase(
      PhiloxNormal(shape: [64, 64, 4]), [TensorType([2, 5], .i32)], fills: [0: .integers(0..<99)]),
  ]
}
