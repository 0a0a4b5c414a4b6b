import Graph
import Testing
import VKRuntime

@testable import Shaders

/// An operation lowered for a GPU whose multiprocessors are counted, its matrix units emulated.
private struct InWaves<Base: VulkanOperation>: VulkanOperation {
  static var name: String { Base.name }
  let base: Base

  func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try base.outputTypes(inputs)
  }

  func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    base.evaluate(inputs, outputs: outputs)
  }

  private func traits(_ device: DeviceTraits) -> DeviceTraits {
    var traits = device
    traits.isCPU = false
    // Of which each runs two of the larger blocks at once.
    traits.multiprocessors = Multiprocessors(count: 5, registerCount: 2 * 32 * (64 + 112))
    traits.blockTiles = [WavePlanTests.tile(columns: 64), WavePlanTests.tile(columns: 32)]
    traits.choices = KernelChoices(fixed: KernelChoice(.matrix, 32, 64))
    return traits
  }

  func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int {
    base.workspaceByteCount(inputs: inputs, outputs: outputs, device: traits(device))
  }

  func launches(_ context: LoweringContext) -> [Launch] {
    base.launches(
      LoweringContext(
        inputs: context.inputs, outputs: context.outputs, workspace: context.workspace,
        device: traits(context.device)))
  }
}

@Suite struct WavePlanTests {
  fileprivate static func tile(columns: Int) -> BlockTile {
    let shape = MatrixShape(m: 16, n: 16, k: 16, operands: .f16, sums: .f32)
    return BlockTile(
      rows: 32, columns: columns, depth: 16, stages: 1,
      units: .matrix(
        BlockTile.MatrixUnits(
          shape: shape, subgroupSize: 8, subgroupRows: 2, subgroupColumns: 2, isEmulated: true)))
  }

  private static func plan(_ m: Int, _ n: Int, _ depth: Int, copies: Int = 1) throws -> WavePlan {
    let shape = MatrixShape(m: 16, n: 16, k: 16, operands: .f16, sums: .f32)
    let tiles = BlockTile.matrixTiles(shape, subgroupSize: 32)
    let block = try #require(tiles.first { $0.rows == 128 && $0.columns == 128 })
    let processors = Multiprocessors(count: 132)
    #expect(processors.groupsAtOnce(block) == 2)
    let problem = ProductProblem(
      shader: "product/matrix_product", form: 1, m: m, n: n, depth: depth, copies: copies,
      storage: (.f16, .f16), contiguous: [depth])
    return WavePlan(problem, block, half: block.half(among: tiles), processors: processors)
  }

  /// 320 blocks on 132 multiprocessors, three at most; 640, five; 40 of long sums; 100; 1,024, eight.
  @Test func plansOfAnH200() throws {
    let linear = try Self.plan(4096, 1280, 1280)
    #expect(linear.splits == 1 && linear.parts.map(\.columns) == [0..<1024, 1024..<1280])
    #expect(linear.parts.map(\.groupCount) == [256, 128])
    for (m, n, depth) in [(16384, 640, 640), (1280, 1280, 4096), (4096, 4096, 4096)] {
      let plan = try Self.plan(m, n, depth)
      #expect(plan.splits == 1 && plan.parts.map(\.columns) == [0..<n])
    }
    let gradient = try Self.plan(640, 1024, 16384)
    #expect(gradient.splits > 2 && gradient.parts.map(\.columns) == [0..<1024])
    #expect(gradient.parts[0].groupCount == 40 * gradient.splits)
    #expect(gradient.splitLength * gradient.splits >= 16384 && gradient.splitLength % 64 == 0)
  }

  /// Every column belongs to one part, and each part has its blocks.
  @Test(arguments: [320, 640, 1000, 1288, 2560, 5120], [1, 4, 9])
  func partsCoverTheResult(n: Int, copies: Int) throws {
    for m in [77, 1024, 4000, 16384] {
      let plan = try Self.plan(m, n, 640, copies: copies)
      #expect(plan.parts.first?.columns.lowerBound == 0 && plan.parts.last?.columns.upperBound == n)
      for (left, right) in zip(plan.parts, plan.parts.dropFirst()) {
        #expect(left.columns.upperBound == right.columns.lowerBound)
      }
      for part in plan.parts {
        let block = try #require(part.block)
        let groups = block.groupCount(m: m, n: part.columns.count, copies: copies)
        #expect(part.groupCount == groups * plan.splits)
      }
    }
  }

  /// Products in all forms, with bias, residual and batches, and convolutions with both gradients.
  private static let cases: [OperationCase] = {
    func half(_ shape: Int...) -> TensorType { TensorType(shape, .f16) }
    let small = half(1, 14, 15, 16)
    return [
      OperationCase(
        MatrixProduct(transposeB: true, activation: .silu, hasBias: true, hasResidual: true),
        [half(150, 64), half(152, 64), half(152), half(150, 152)]),
      OperationCase(MatrixProduct(), [half(2, 40, 40), half(2, 40, 152)]),
      OperationCase(MatrixProduct(transposeA: true), [half(72, 152), half(72, 152)]),
      OperationCase(Convolution2D(padding: .all(1)), [small, half(152, 3, 3, 16)]),
      OperationCase(
        Convolution2DInputGradient(inputSize: (14, 15), padding: .all(1)),
        [small, half(16, 3, 3, 152)]),
      OperationCase(
        Convolution2DWeightGradient(kernelSize: (1, 3)),
        [half(1, 14, 15, 152), half(1, 14, 13, 40)]),
    ]
  }()

  /// Ten blocks run at once, and there are a few more.
  @Test(arguments: cases) func kernels(_ operation: OperationCase) throws {
    let base = try #require(operation.operation as? any VulkanOperation)
    let launches = try Self.launches(base, operation)
    #expect(launches.count == 2 && launches[0].waits && !launches[1].waits)
    try Self.inWaves(base, operation).expectKernel()
  }

  /// Unmeasured, large products take the largest blocks.
  @Test(arguments: [(4096, 4096, 4096), (16384, 640, 640), (4096, 10240, 1280)])
  func bestGuess(m: Int, n: Int, depth: Int) {
    var traits = DeviceTraits(
      subgroupSize: 32, isCPU: false, hasCheapBroadcast: true, sharedMemoryByteCount: 49152,
      maxGroupInvocations: 1024)
    let shape = MatrixShape(m: 16, n: 16, k: 16, operands: .f16, sums: .f32)
    traits.blockTiles += BlockTile.matrixTiles(shape, subgroupSize: 32)
    for processors in [nil, Multiprocessors(count: 132)] {
      traits.multiprocessors = processors
      let problem = ProductProblem(
        shader: "product/matrix_product", form: 1, m: m, n: n, depth: depth,
        storage: (.f16, .f16), contiguous: [depth])
      #expect(problem.selection(traits).candidates[0] == KernelChoice(.matrix, 128, 128))
    }
  }

  /// Sums for a bias run beside a product that needs no scratch memory, in two launches of which the second
  /// adds what the first has left.
  @Test(arguments: [(64, true), (1100, false)]) func rowSums(rows: Int, overlaps: Bool) throws {
    let types = [TensorType([rows, 40], .f16), TensorType([rows, 40], .f16)]
    let operation = OperationCase(LinearParameterGradient(weight: .f16), types)
    let launches = try Self.launches(LinearParameterGradient(weight: .f16), operation)
    let sums = launches.filter { $0.shader.path.hasPrefix("reduce/") }
    #expect(sums.first?.waits == !overlaps && sums.dropFirst().allSatisfy(\.waits))
    try Self.inWaves(LinearParameterGradient(weight: .f16), operation).expectKernel()
  }

  /// Long sums of few blocks are split.
  @Test func splits() throws {
    let product = MatrixProduct(transposeA: true)
    let type = TensorType([1100, 40], .f16)
    let operation = OperationCase(product, [type, type])
    let launches = try Self.launches(product, operation)
    #expect(launches.map(\.shader.path).last == "product/sum_partials.comp")
    try Self.inWaves(product, operation).expectKernel()
  }

  private static func launches(
    _ base: some VulkanOperation, _ operation: OperationCase
  ) throws -> [Launch] {
    try InWaves(base: base).launches(
      LoweringContext(
        unbound: operation.inputs, base.outputTypes(operation.inputs),
        device: SharedBackend.vulkan.traits))
  }

  private static func inWaves(
    _ base: some VulkanOperation, _ operation: OperationCase
  ) -> OperationCase {
    OperationCase(InWaves(base: base), operation.inputs, fills: operation.fills)
  }
}
