import Graph
import VKRuntime

/// A result of M rows and N columns, each element a sum of `depth` terms: what products and
/// convolutions have in common, and what their kernel is chosen by.
struct ProductProblem {
  /// The shader below `shaders/`, without `.comp`.
  let shader: String
  /// How a and b are read, see `shaders/product/tile.glsl`; 0 where sizes fit no quads.
  let form: Int
  let m: Int
  let n: Int
  let depth: Int
  /// Results of this size (batch, taps of a kernel).
  var copies = 1
  /// Copies of a and of b that there are; 1 where all results come from the same.
  var operandCopies = 1
  /// Rows of b, [bRows, n] in forms 2 and 3: more than terms of a sum where only some are seen.
  var bRows = 0
  /// Values of k that kernels need not tell apart: where a block's depth divides them it has no edges, and
  /// in a convolution a single tap; nil for all.
  var run: Int?
  /// The kernel knows how to split its sums.
  var canSplit = true
  /// Storage of a and b.
  let storage: (a: DType, b: DType)
  /// Dimensions along which a and b are loaded several elements at once; the length of a split too
  /// where they run along k.
  let contiguous: [Int]

  /// Splits of the sums into about as many, each of whole steps, and the terms of one.
  func splits(_ wanted: Int, step: Int) -> (count: Int, length: Int) {
    let length = max(ceilDivide(ceilDivide(depth, wanted), step) * step, step)
    return (max(ceilDivide(depth, length), 1), length)
  }

  func tile(_ device: DeviceTraits) -> ProductTile {
    ProductTile(self, device.choices.choice(selection(device)), device)
  }

  /// Candidates by estimated cost.
  func selection(_ device: DeviceTraits) -> KernelSelection {
    let sizes = [copies, m, n, depth].map { String(sizeClass($0)) }.joined(separator: "x")
    let key = "\(shader) form\(form) \(storage.a) \(storage.b) \(sizes)"
    let choices = CostTraits(device).choices(form: form) + blocks(device).map(\.choice)
    let candidates = choices.map { ($0, ProductTile(self, $0, device).cost) }
      .sorted { $0.1 < $1.1 }
    return KernelSelection(key: key, candidates: candidates.map(\.0))
  }

  /// Blocks that workgroups of a GPU can compute through shared memory.
  func blocks(_ device: DeviceTraits) -> [BlockTile] {
    if device.isCPU { return [] }
    let vector = BlockTile.vector(form: form, contiguous: contiguous)
    return device.blockTiles.filter { tile in
      tile.suits(storage, takesBrainAsHalf: device.takesBrainAsHalf)
        && tile.fits(
          form: form, vector: vector, sharedMemoryByteCount: device.sharedMemoryByteCount,
          maxThreads: device.maxGroupInvocations)
    }
  }

  /// The block of a choice; nil for codes without one.
  func block(_ choice: KernelChoice, _ device: DeviceTraits) -> BlockTile? {
    device.blockTiles.first {
      $0.choice == choice && $0.suits(storage, takesBrainAsHalf: device.takesBrainAsHalf)
    }
  }
}

extension BlockTile {
  var choice: KernelChoice {
    switch units {
    case .registers: KernelChoice(.shared, rows, columns)
    case .matrix: KernelChoice(loads == .spread ? .unpinned : .matrix, rows, columns)
    }
  }

  /// Whether it is computed as asked: matrix units take operands as they are stored, both alike, or
  /// bf16 as f16; f32 never.
  func suits(_ storage: (a: DType, b: DType), takesBrainAsHalf: Bool) -> Bool {
    guard case .matrix(let matrix) = units else { return true }
    let operands: DType = matrix.shape.operands == .bf16 ? .bf16 : .f16
    return storage.a == storage.b
      && (storage.a == operands || (storage.a == .bf16 && takesBrainAsHalf))
  }
}

extension DeviceTraits {
  /// Whether bf16 becomes f16 at the tile, because the matrix units take nothing shorter but f16. No digit
  /// is lost, but range: from 65520 on values become infinite, below 6e-8 they vanish. Gradients therefore
  /// need a scale.
  public var takesBrainAsHalf: Bool {
    let operands = blockTiles.compactMap { tile -> MatrixElement? in
      guard case .matrix(let matrix) = tile.units else { return nil }
      return matrix.shape.operands
    }
    return operands.contains(.f16) && !operands.contains(.bf16)
  }
}
