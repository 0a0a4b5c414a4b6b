extension OperationCase {
  /// Norm, clipping and every optimizer over several tensors.
  public static let optimizerCases: [OperationCase] =
    [
      OperationCase(GlobalNorm(), [TensorType([7])]),
      OperationCase(
        GlobalNorm(),
        [TensorType([3, 50]), TensorType([1]), TensorType([70, 41]), TensorType([9])]
      ),
      OperationCase(GlobalNorm(), [TensorType([300, 333]), TensorType([5000], .bf16)]),
      OperationCase(
        GlobalNorm(), [TensorType([64], .f16), TensorType([20_000]), TensorType([9], .f16)]),
      clip(nil, norm: 3, step: 4), clip(1, norm: 3, step: 0), clip(1, norm: 0.5, step: 999),
      clip(1, norm: .infinity, step: 7), clip(nil, norm: .nan, step: 7), clip(2, norm: 0, step: 1),
      scaled(1, norm: 3e5, lossScale: 65536, goodSteps: 2),
      scaled(1, norm: 3e5, lossScale: 1024, goodSteps: 7),
      scaled(nil, norm: 12, lossScale: 0x1p24, goodSteps: 7),
      scaled(nil, norm: 12, lossScale: 0.5, goodSteps: 6),
    ]
    + [-2, 0, .infinity, -.infinity, .nan].map { probe in
      OperationCase(
        IfFinite(), [TensorType([1]), TensorType([1]), TensorType([1])],
        fills: [0: .values([probe]), 1: .values([3]), 2: .values([-5])])
    }
    + adamWCases + lionCases + adamW8BitCases + adafactorCases + emptyAdafactorCases
    + prodigyCases

  private static let adamWCases = updateScalars.flatMap { step, scale in
    storages.map { weight, gradient, state in
      update(
        AdamW(
          beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01,
          tensors: UpdatedTensors(indices: [4, 0, 9], seed: 1 << 40 + 3)),
        weight, gradient, [state, state], step: step, scale: scale, nonNegative: [1])
    }
  }

  private static let lionCases = updateScalars.flatMap { step, scale in
    storages.map { weight, gradient, state in
      update(
        Lion(
          beta1: 0.9, beta2: 0.99, weightDecay: 0.01,
          tensors: UpdatedTensors(indices: [4, 0, 9], seed: 7)),
        weight, gradient, [state], step: step, scale: scale)
    }
  }

  /// Blocks that are full and not, tensors of one block and of several chunks.
  private static let adamW8BitCases = updateScalars.flatMap { step, scale in
    storages.filter { $0.2 == .f32 }.map { weight, gradient, _ in
      let shapes = [[300], [5, 7], [50, 83], [256]]
      let states = shapes.map { AdamW8Bit.states(TensorType($0)) }
      var fills = scalarFills(step, scale)
      for index in 0..<4 {
        for role in [2, 3] { fills[3 + 4 * role + index] = .integers(0..<256) }
        for role in [4, 5] { fills[3 + 4 * role + index] = .uniform(0.1, 1) }
      }
      return OperationCase(
        AdamW8Bit(
          beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01,
          tensors: UpdatedTensors(indices: [4, 0, 9, 1], seed: 1 << 40 + 3)),
        scalarTypes + [weight, gradient].flatMap { dtype in shapes.map { TensorType($0, dtype) } }
          + (0..<4).flatMap { role in states.map { $0[role] } },
        fills: fills)
    }
  }

  /// Matrices with even and odd rows, more rows than a part, convolutions; and vectors.
  private static let adafactorCases = [true, false].flatMap { isFactored in
    updateScalars.flatMap { step, scale in
      storages.filter { $0.2 == .f32 }.map { weight, gradient, _ in
        let shapes =
          isFactored ? [[3, 50], [61, 83], [5, 3, 3, 4], [1100, 2], [1, 7]] : [[7], [4200]]
        let operation = Adafactor(
          decayExponent: -0.8, clipThreshold: 1, weightDecay: 0.01, isFactored: isFactored,
          tensors: UpdatedTensors(indices: shapes.indices.map { 9 - $0 }, seed: 5))
        let states = shapes.map { operation.states(TensorType($0)) }
        var fills = scalarFills(step, scale)
        let first = 3 + 2 * shapes.count
        for index in first..<first + (isFactored ? 2 : 1) * shapes.count {
          fills[index] = .uniform(0.1, 1)
        }
        return OperationCase(
          operation,
          scalarTypes
            + [weight, gradient].flatMap { dtype in shapes.map { TensorType($0, dtype) } }
            + states[0].indices.flatMap { role in states.map { $0[role] } },
          fills: fills)
      }
    }
  }

  /// A row and two columns that never had a gradient, as inputs that are always 0 make them: R C / mean(R)
  /// is 1e-60 where they cross.
  private static let emptyAdafactorCases = updateScalars.flatMap { step, scale in
    storages.filter { $0.2 == .f32 }.map { weight, gradient, _ in
      let (rows, columns) = (6, 8)
      let gradients = (0..<rows * columns).map { element in
        let isEmpty = element / columns == 2 || element % columns % 4 == 0
        return isEmpty ? 0 : Double(element % 11) / 8 - 0.6
      }
      let operation = Adafactor(
        decayExponent: -0.8, clipThreshold: 1, weightDecay: 0.01, isFactored: true,
        tensors: UpdatedTensors(indices: [0], seed: 5))
      let matrix = TensorType([rows, columns], weight)
      return OperationCase(
        operation,
        scalarTypes + [matrix, TensorType([rows, columns], gradient)]
          + operation.states(TensorType([rows, columns])),
        fills: scalarFills(step, scale).merging([
          4: .values(gradients), 5: .values((0..<rows).map { $0 == 2 ? 1e-30 : 0.5 }),
          6: .values((0..<columns).map { $0 % 4 == 0 ? 1e-30 : 0.5 }),
        ]) { $1 })
    }
  }

  /// Moments at the first update and later, the distance, and the step.
  private static let prodigyCases = updateScalars.flatMap { step, scale in
    let variants = [(false, false), (true, false), (true, true)]
    let distances = variants.map { correctsBias, safeguardsWarmup in
      OperationCase(
        ProdigyDistance(rule: prodigyRule(correctsBias, safeguardsWarmup)),
        scalarTypes + [TensorType([2]), TensorType([2])],
        fills: scalarFills(step, scale).merging([
          3: .values([0.3, 20]), 4: .values([2e-6, 0.1]),
        ]) { $1 })
    }
    let moments = zip(variants, [(DType.f32, DType.f32), (.bf16, .f32), (.f16, .f16)]).map {
      variant, dtypes in
      let shapes = [[7], [3, 50], [61, 83]]
      let roles = [dtypes.0, dtypes.1, .f32, .f32, .f32, dtypes.0]
      var fills = scalarFills(step, scale)
      fills[3 + 18] = .values([2e-3, 0.1])
      return OperationCase(
        ProdigyMoments(
          rule: prodigyRule(variant.0, variant.1), tensors: UpdatedTensors(count: 3)),
        scalarTypes + roles.flatMap { dtype in shapes.map { TensorType($0, dtype) } }
          + [TensorType([2])], fills: fills)
    }
    let updates = DType.storage.map { dtype in
      let shapes = [[7], [3, 50], [61, 83]]
      var fills: [Int: InputFill] = [
        0: .values([1e-3, 1e-8, scale]), 1: .values([step]), 2: .values([scale]),
      ]
      for index in 9..<12 { fills[index] = .uniform(0, 1) }
      return OperationCase(
        ProdigyUpdate(
          weightDecay: 0.01, tensors: UpdatedTensors(indices: [4, 0, 9], seed: 1 << 40 + 3)),
        [TensorType([3]), TensorType([1]), TensorType([1])]
          + [dtype, .f32, .f32].flatMap { dtype in shapes.map { TensorType($0, dtype) } },
        fills: fills)
    }
    return distances + moments + updates
  }

  private static func prodigyRule(_ correctsBias: Bool, _ safeguardsWarmup: Bool) -> ProdigyRule {
    ProdigyRule(
      beta1: 0.9, beta2: 0.999, epsilon: 1e-8, d0: 1e-6, dCoefficient: 1.5,
      correctsBias: correctsBias, safeguardsWarmup: safeguardsWarmup)
  }

  private static let scalarTypes = [TensorType([1]), TensorType([1]), TensorType([1])]

  private static func scalarFills(_ step: Double, _ scale: Double) -> [Int: InputFill] {
    [0: .values([1e-3]), 1: .values([step]), 2: .values([scale])]
  }

  /// Count of updates and scale of gradients; below 0 skips.
  private static let updateScalars = [(1.0, 1.0), (10.0, 0.3), (20_000.0, 1.0), (3.0, -1.0)]

  /// Of weights, gradients and states.
  private static let storages: [(DType, DType, DType)] = [
    (.f32, .f32, .f32), (.f32, .f32, .bf16), (.bf16, .f32, .f32), (.bf16, .bf16, .bf16),
    (.f16, .f32, .f32), (.f16, .f16, .bf16),
  ]

  private static func clip(_ maximum: Float?, norm: Double, step: Double) -> OperationCase {
    OperationCase(
      ClipControl(maximumNorm: maximum), [TensorType([1]), TensorType([1])],
      fills: [0: .values([norm]), 1: .values([step])])
  }

  private static func scaled(
    _ maximum: Float?, norm: Double, lossScale: Double, goodSteps: Double
  ) -> OperationCase {
    let scalar = TensorType([1])
    return OperationCase(
      ClipControl(maximumNorm: maximum, lossScaling: .init(growthInterval: 8)),
      [scalar, scalar, scalar, scalar],
      fills: [
        0: .values([norm]), 1: .values([20]), 2: .values([lossScale]), 3: .values([goodSteps]),
      ])
  }

  /// Three tensors, of parts of a chunk and of several.
  private static func update(
    _ operation: some ElementwiseUpdate, _ weight: DType, _ gradient: DType, _ states: [DType],
    step: Double, scale: Double, nonNegative: [Int] = []
  ) -> OperationCase {
    let shapes = [[7], [3, 50], [61, 83]]
    var fills = scalarFills(step, scale)
    for state in nonNegative {
      for index in 0..<3 { fills[3 + 3 * (2 + state) + index] = .uniform(0, 1) }
    }
    return OperationCase(
      operation,
      scalarTypes
        + ([weight, gradient] + states).flatMap { dtype in shapes.map { TensorType($0, dtype) } },
      fills: fills)
  }
}

extension DType {
  /// What floating-point tensors are stored as.
  public static let storage: [DType] = [.f32, .f16, .bf16]
}
