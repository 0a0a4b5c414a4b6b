import CKernelParameters
import Graph
import Testing
import VKRuntime

@testable import Shaders

/// A product, convolution or attention that goes through shared memory as on a GPU; with matrix units
/// emulated where the tile has some. Sizes, splits and parameters are those of the lowering.
struct Blocked<Base: VulkanOperation>: VulkanOperation {
  static var name: String { Base.name }
  let base: Base
  let tile: BlockTile
  /// Attention's subgroups own 32 rows.
  var isTall = false

  func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try base.outputTypes(inputs)
  }

  func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    base.evaluate(inputs, outputs: outputs)
  }

  func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int {
    base.workspaceByteCount(inputs: inputs, outputs: outputs, device: device)
  }

  func launches(_ context: LoweringContext) -> [Launch] {
    base.launches(context).map { launch in
      switch launch.shader.path {
      case "product/matrix_product.comp": product(launch)
      case "convolution/convolution_2d.comp", "convolution/convolution_2d_input_gradient.comp",
        "convolution/convolution_2d_weight_gradient.comp":
        convolution(launch)
      case "attention/attention.comp", "attention/attention_query_gradient.comp",
        "attention/attention_key_gradient.comp":
        attention(launch)
      default: launch
      }
    }
  }

  private func product(_ launch: Launch) -> Launch {
    let p = launch.parameters.withUnsafeBytes { $0.loadUnaligned(as: MatrixProductParameters.self) }
    let sizes = (m: Int(p.m), n: Int(p.n), k: Int(p.k), split: Int(p.splitLength))
    let contiguous: [Int] =
      switch form(launch) {
      case 1: [sizes.k, sizes.split]
      case 2: [sizes.k, sizes.n, sizes.split]
      default: [sizes.m, sizes.n]
      }
    return blocked(
      launch, contiguous: contiguous,
      k: (run: sizes.k, splits: Int(p.splits), length: sizes.split), m: sizes.m, n: sizes.n,
      copies: Int(p.batch * p.splits), parameters: p)
  }

  private func convolution(_ launch: Launch) -> Launch {
    let p = launch.parameters.withUnsafeBytes { $0.loadUnaligned(as: Convolution2DParameters.self) }
    let outputs = p.samples * p.outputHeight * p.outputWidth
    let inputs = p.samples * p.height * p.width
    let taps = p.kernelHeight * p.kernelWidth
    func run(_ channels: UInt32) -> Int {
      ConvolutionWindow.run(
        channels: Int(channels), kh: Int(p.kernelHeight), kw: Int(p.kernelWidth),
        stride: Int(p.stride))
    }
    let (m, n, run, copies) =
      switch launch.shader.path {
      case "convolution/convolution_2d.comp":
        (outputs, p.outputChannels, run(p.inputChannels), p.splits)
      case "convolution/convolution_2d_input_gradient.comp":
        (inputs, p.inputChannels, run(p.outputChannels), p.splits)
      default: (p.outputChannels, p.inputChannels, Int(outputs), p.splits * taps)
      }
    return blocked(
      launch, contiguous: [Int(p.inputChannels), Int(p.outputChannels), Int(p.splitLength)],
      k: (run: run, splits: Int(p.splits), length: Int(p.splitLength)), m: Int(m), n: Int(n),
      copies: Int(copies), parameters: p)
  }

  /// Two rows of eight invocations, so that small cases have ragged edges too.
  private func attention(_ launch: Launch) -> Launch {
    let p = launch.parameters.withUnsafeBytes { $0.loadUnaligned(as: AttentionParameters.self) }
    if case .matrix(let units) = tile.units { return attention(launch, p, units) }
    let tile = AttentionTile(threads: 32, rows: 4, others: 2)
    let (width, heads) = (Int(p.packedHeads & 0xFFFF), Int(p.packedHeads >> 16))
    var shader = launch.shader
    shader.path = shader.path.replacing(".comp", with: "_shared.comp")
    shader.defines.merge(tile.variant("", width: width, q: .f32, k: .f32).defines) { old, new in new
    }
    for name in ["STORAGE_Q", "STORAGE_K"] { shader.defines[name] = launch.shader.defines[name] }
    shader.constants = [:]
    let isOfKeys = launch.shader.path == "attention/attention_key_gradient.comp"
    let groups = tile.groupCount(Int(isOfKeys ? p.keys : p.queries), copies: heads * Int(p.samples))
    return Launch(shader, groups: foldedGroups(groups), parameters: p)
  }

  /// The tile that GPUs get which have as little shared memory as lavapipe.
  private func attention(
    _ launch: Launch, _ p: AttentionParameters, _ units: BlockTile.MatrixUnits
  ) -> Launch {
    let (width, heads) = (Int(p.packedHeads & 0xFFFF), Int(p.packedHeads >> 16))
    if p.isCausal != 0 { return launch }
    let kernels: [String: AttentionMatrixTile.Kernel] = [
      "attention/attention.comp": .forward,
      "attention/attention_query_gradient.comp": .queryGradient,
    ]
    let kernel = kernels[launch.shader.path] ?? .keyGradient
    let tall = AttentionMatrixTile(
      units: units, subgroups: 1, rows: 32, block: 32, width: width, kernel: kernel)
    let largest = AttentionMatrixTile.largest(
      units, width: width, kernel, sharedMemoryByteCount: 32768)
    guard let tile = isTall ? tall : largest else { return launch }
    let path = launch.shader.path.replacing(".comp", with: "_matrix.comp")
    var shader = tile.variant(path, q: .f32, k: .f32)
    for name in ["STORAGE_Q", "STORAGE_K"] { shader.defines[name] = launch.shader.defines[name] }
    let isOfKeys = launch.shader.path == "attention/attention_key_gradient.comp"
    let groups = tile.groupCount(Int(isOfKeys ? p.keys : p.queries), copies: heads * Int(p.samples))
    return Launch(shader, groups: foldedGroups(groups), parameters: p)
  }

  private func form(_ launch: Launch) -> Int { Int(launch.shader.defines["FORM"] ?? "") ?? 0 }

  private func blocked(
    _ launch: Launch, contiguous: [Int], k: (run: Int, splits: Int, length: Int), m: Int, n: Int,
    copies: Int,
    parameters: some BitwiseCopyable
  ) -> Launch {
    let form = form(launch)
    let path = launch.shader.path.replacing(".comp", with: "_shared.comp")
    let vector = BlockTile.vector(form: form, contiguous: contiguous)
    precondition(
      tile.fits(form: form, vector: vector, sharedMemoryByteCount: 32768, maxThreads: 1024))
    var shader = tile.variant(
      path, form: form, vector: vector,
      isWhole: tile.isWhole(
        form: form, vector: vector, run: k.run, splits: k.splits, splitLength: k.length),
      storage: [:])
    for name in ["A", "B", "Y", "BIAS", "RESIDUAL"].map({ "STORAGE_" + $0 }) + ["ACTIVATION"] {
      shader.defines[name] = launch.shader.defines[name]
    }
    return Launch(
      shader, groups: foldedGroups(tile.groupCount(m: m, n: n, copies: copies)),
      parameters: parameters)
  }
}

/// The kernels that GPUs get for products, convolutions and attention, run on whatever device there is.
@Suite struct BlockTileTests {
  /// f32 or bf16 operands that are rounded to f16 on the way: each by at most 2^-11 of itself, so a sum
  /// of random terms by about 2^-11.
  private static let halfOperands = 6e-4
  /// The same stored as bf16, whose values lie s = 2^-8 apart: an error e tips a share e / s of them by s,
  /// so the root mean square is the root of e s.
  private static let halfToBrain = (halfOperands * 0x1p-8).squareRoot()

  private static let registers = BlockTile(
    rows: 32, columns: 32, depth: 16, stages: 1, units: .registers(rows: 4, columns: 4))
  private static let oblong = BlockTile(
    rows: 64, columns: 16, depth: 8, stages: 2, units: .registers(rows: 8, columns: 4))

  private static func emulated(
    m: Int, n: Int, k: Int, stages: Int, isAlongK: Bool = false, depth: Int = 16,
    loads: BlockTile.Loads = .first
  ) -> BlockTile {
    let shape = MatrixShape(m: m, n: n, k: k, operands: .f16, sums: .f32)
    return BlockTile(
      rows: 32, columns: 64, depth: depth, stages: stages,
      units: .matrix(
        BlockTile.MatrixUnits(
          shape: shape, subgroupSize: 8, subgroupRows: 2, subgroupColumns: 2, isAlongK: isAlongK,
          isEmulated: true)), loads: loads)
  }

  /// Sizes beyond one tile, and few enough variants.
  private static let cases =
    OperationCase.productKernelCases.filter { operation in
      guard let product = operation.operation as? MatrixProduct else { return false }
      let sizes = product.sizes(operation.inputs)
      return sizes.m * sizes.n > 40
    } + OperationCase.convolutionKernelCases

  private static let inHalf = cases.filter { $0.inputs.allSatisfy { $0.dtype == .f16 } }
  /// Those whose sums fill the blocks of GPUs, and the rest, of which some fill those of 16 values here.
  private static let large = inHalf.filter { $0.inputs.contains { $0.elementCount >= 30_000 } }
  private static let small = inHalf.filter { $0.inputs.allSatisfy { $0.elementCount < 30_000 } }

  @Test(arguments: cases) func registers(_ operation: OperationCase) throws {
    try check(operation, Self.registers)
  }

  @Test(arguments: cases.filter { $0.inputs.allSatisfy { $0.dtype == .f32 } })
  func oblongBlocksInTwoStages(_ operation: OperationCase) throws {
    try check(operation, Self.oblong)
  }

  @Test(arguments: cases) func matrixUnits(_ operation: OperationCase) throws {
    try check(operation, Self.emulated(m: 16, n: 16, k: 16, stages: 1))
  }

  /// Shapes of other vendors.
  @Test(arguments: [(8, 8, 16), (8, 16, 16), (16, 8, 8), (16, 8, 16)])
  func matrixShapes(m: Int, n: Int, k: Int) throws {
    for operation in Self.small {
      try check(operation, Self.emulated(m: m, n: n, k: k, stages: 2))
    }
  }

  /// Operands turned around on their way to shared memory; other kernels are the same as without.
  @Test(arguments: small) func matrixUnitsAlongK(_ operation: OperationCase) throws {
    try check(operation, Self.emulated(m: 16, n: 16, k: 16, stages: 2, isAlongK: true))
  }

  /// Two steps of the matrix units, each followed by half of the next loads, with edges and without; some
  /// cases, because these take long to compile.
  @Test(arguments: large + small.enumerated().filter { $0.offset % 8 == 0 }.map(\.element))
  func matrixUnitsWithLoadsBetween(_ operation: OperationCase) throws {
    try check(operation, Self.emulated(m: 16, n: 16, k: 16, stages: 1, depth: 32, loads: .pinned))
  }

  @Test(arguments: large.prefix(1)) func matrixUnitsWithFreeLoads(_ operation: OperationCase) throws
  {
    try check(operation, Self.emulated(m: 16, n: 16, k: 16, stages: 1, depth: 32, loads: .spread))
  }

  /// bf16 takes units for f16 where there are none of its own; f32 and mixed operands take none.
  @Test(arguments: [[MatrixElement.f16], [.bf16], [.f16, .bf16], []])
  func matrixUnitsTakeWhatKeepsItsDigits(_ units: [MatrixElement]) throws {
    var traits = try SharedBackend.vulkan.traits
    for operands in units {
      let shape = MatrixShape(m: 16, n: 16, k: 16, operands: operands, sums: .f32)
      traits.blockTiles += BlockTile.matrixTiles(shape, subgroupSize: 32)
    }
    func taken(_ a: DType, _ b: DType) -> Set<MatrixElement> {
      let found = traits.blockTiles.compactMap { tile -> MatrixElement? in
        guard case .matrix(let matrix) = tile.units,
          tile.suits((a, b), takesBrainAsHalf: traits.takesBrainAsHalf)
        else { return nil }
        return matrix.shape.operands
      }
      return Set(found)
    }
    #expect(taken(.f16, .f16) == Set(units.filter { $0 == .f16 }))
    #expect(taken(.bf16, .bf16) == (units.contains(.bf16) ? [.bf16] : Set(units)))
    #expect(taken(.f32, .f32).isEmpty && taken(.bf16, .f32).isEmpty && taken(.f16, .bf16).isEmpty)
    #expect(traits.takesBrainAsHalf == (units == [.f16]))
  }

  /// Heads of widths that fit into registers, in f32, f16, and f32 with bf16 keys and values.
  private static let attentions = OperationCase.attentionKernelCases.filter {
    let heads =
      ($0.operation as? Attention)?.heads ?? ($0.operation as? AttentionGradient)?.heads ?? 1
    return $0.inputs[0].dtype == .f32
      && AttentionTile.canTake(width: $0.inputs[0].shape[2] / heads)
  }.flatMap {
    // The gradient's logarithms stay f32.
    [$0, $0.stored(as: .f16, $0.inputs.count == 3 ? [0, 1, 2] : [0, 1, 2, 3, 5])]
      + ($0.inputs[0].shape[1] == 77 ? [$0.stored(as: .bf16, [1, 2])] : [])
  }

  @Test(arguments: attentions) func attention(_ operation: OperationCase) throws {
    try check(operation, Self.registers)
  }

  /// Operands, weights and their slopes are rounded to f16: three or four roundings of 2^-12 each.
  @Test(arguments: attentions.filter { $0.inputs[0].dtype == .f16 })
  func attentionOnMatrixUnits(_ operation: OperationCase) throws {
    let base = try #require(operation.operation as? any VulkanOperation)
    let tile = Self.emulated(m: 16, n: 16, k: 16, stages: 1)
    try blocked(base, operation, tile).expectKernel(tolerance: Self.halfOperands)
  }

  /// Heads of 32, forward and gradient: emulated, two rows of fragments take long to compile.
  @Test(arguments: attentions.filter { $0.inputs[0] == TensorType([2, 37, 64], .f16) })
  func attentionInTallParts(_ operation: OperationCase) throws {
    let base = try #require(operation.operation as? any VulkanOperation)
    let tile = Self.emulated(m: 16, n: 16, k: 16, stages: 1)
    try blocked(base, operation, tile, isTall: true).expectKernel(tolerance: Self.halfOperands)
  }

  /// Scores that grow along the keys: references are renewed, and sums scaled, again and again.
  @Test func attentionRenewsReferences() throws {
    let type = TensorType([1, 150, 64], .f16)
    let rising = (0..<150 * 64).map { Float($0 / 64) / 8 }
    let check = OperationCase(
      Attention(heads: 1), [type, type, type],
      fills: [0: .uniform(0.5, 1.5), 1: .values(rising.map(Double.init)), 2: .uniform(-1, 1)])
    try blocked(Attention(heads: 1), check, Self.emulated(m: 16, n: 8, k: 16, stages: 1))
      .expectKernel(tolerance: Self.halfOperands)
  }

  private func check(_ operation: OperationCase, _ tile: BlockTile) throws {
    guard let base = operation.operation as? any VulkanOperation else {
      Issue.record("no kernel")
      return
    }
    var tolerance: Double?
    if case .matrix = tile.units, operation.inputs.contains(where: { $0.dtype != .f16 }) {
      let outputs = try base.outputTypes(operation.inputs)
      tolerance = outputs.contains { $0.dtype == .bf16 } ? Self.halfToBrain : Self.halfOperands
    }
    try blocked(base, operation, tile).expectKernel(tolerance: tolerance)
  }

  private func blocked(
    _ base: some VulkanOperation, _ operation: OperationCase, _ tile: BlockTile,
    isTall: Bool = false
  ) -> OperationCase {
    OperationCase(
      Blocked(base: base, tile: tile, isTall: isTall), operation.inputs, fills: operation.fills)
  }
}
