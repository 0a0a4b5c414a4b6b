extension OperationCase {
  private static let kinds: [LossKind] = [.mse, .l1, .huber(delta: 0.7)]

  /// Losses, small enough for finite differences.
  public static let lossGradientCases: [OperationCase] = kinds.flatMap { kind in
    [
      OperationCase(
        FirstOutput(SampleLoss(kind: kind)), inputs([3, 2, 2, 4], hasMask: false), fills: fills,
        differentiable: [0, 1]),
      OperationCase(
        FirstOutput(SampleLoss(kind: kind, hasMask: true)), inputs([3, 2, 2, 4], hasMask: true),
        fills: fills, differentiable: [0, 1]),
    ]
  }

  /// Forward and backward kernels in every storage; the sample without weight and the one whose
  /// mask is zero are those that fill a batch.
  public static let lossCases: [OperationCase] =
    kinds.flatMap { kind in
      [([3, 2, 2, 4], false), ([3, 2, 2, 4], true), ([2, 33, 35, 4], true), ([5, 701], false)]
        .flatMap { shape, hasMask in
          let types = inputs(shape, hasMask: hasMask)
          return OperationCase(SampleLoss(kind: kind, hasMask: hasMask), types, fills: fills)
            .inEveryStorage([0, 1])
            + OperationCase(
              SampleLossGradient(kind: kind, hasMask: hasMask), types + [TensorType([1])],
              fills: fills
            ).inEveryStorage([0])
        }
    } + [zeroMask]

  private static let zeroMask = OperationCase(
    SampleLoss(kind: .mse, hasMask: true), inputs([3, 2, 2, 4], hasMask: true),
    fills: [2: .values([1, 0, 0.5]), 3: .values([1, 1, 1, 1, 0, 0, 0, 0, 1, 0, 1, 1])])

  private static let fills: [Int: InputFill] = [2: .values([0.5, 0, 0.3]), 3: .uniform(0, 1)]

  private static func inputs(_ shape: [Int], hasMask: Bool) -> [TensorType] {
    let mask = TensorType(shape.dropLast() + [1])
    return [TensorType(shape), TensorType(shape), TensorType([shape[0]])] + (hasMask ? [mask] : [])
  }
}
