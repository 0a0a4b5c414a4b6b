import CKernelParameters
import Graph

extension MatrixProduct: SelectableOperation {
  public func selection(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> KernelSelection? {
    ProductShape(self, inputs).problem.selection(device)
  }

  public func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int {
    ProductShape(self, inputs).workspaceByteCount(device)
  }

  public func launches(_ context: LoweringContext) -> [Launch] {
    let inputs = context.inputs
    let shape = ProductShape(self, inputs.map(\.type))
    return shape.launches(
      ProductOperands(
        a: inputs[0], b: inputs[1], y: context.outputs[0], bias: hasBias ? inputs[2] : nil,
        residual: hasResidual ? inputs[inputs.count - 1] : nil),
      scale: scale, activation: activation, context)
  }
}

/// The tensors of a product with their addresses.
struct ProductOperands {
  let a: Binding
  let b: Binding
  let y: Binding
  var bias: Binding?
  var residual: Binding?
  /// Where the sums of op(a)'s rows go, if they are wanted; without a bias only.
  var rowSums: Binding?

  /// Storage by the names of the macros in `tile.glsl`.
  var storage: [String: DType] {
    var storage = ["A": a.type.dtype, "B": b.type.dtype, "Y": y.type.dtype]
    storage["BIAS"] = (bias ?? rowSums)?.type.dtype
    storage["RESIDUAL"] = residual?.type.dtype
    return storage
  }
}

/// A product with its sizes and the way its operands lie: what a matrix product and a 1x1
/// convolution are lowered from.
struct ProductShape {
  let problem: ProductProblem
  private let sizes: MatrixProduct.Sizes
  private let transposeA: Bool
  private let transposeB: Bool

  init(_ product: MatrixProduct, _ inputs: [TensorType]) {
    self.init(
      product.sizes(inputs), inputs, transposeA: product.transposeA,
      transposeB: product.transposeB)
  }

  /// - Parameter inputs: a and b, of which the storage counts
  init(
    _ sizes: MatrixProduct.Sizes, _ inputs: [TensorType], transposeA: Bool = false,
    transposeB: Bool = false
  ) {
    self.sizes = sizes
    self.transposeA = transposeA
    self.transposeB = transposeB
    problem = ProductProblem(
      shader: "product/matrix_product",
      form: Self.form(sizes, transposeA: transposeA, transposeB: transposeB), m: sizes.m,
      n: sizes.n, depth: sizes.k, copies: sizes.batch, operandCopies: sizes.batch, bRows: sizes.k,
      storage: (inputs[0].dtype, inputs[1].dtype),
      contiguous: transposeA ? [sizes.m, sizes.n] : transposeB ? [sizes.k] : [sizes.k, sizes.n])
  }

  /// FORM of `tile.glsl`: 64-bit loads where the contiguous dimensions are multiples of 4.
  private static func form(
    _ sizes: MatrixProduct.Sizes, transposeA: Bool, transposeB: Bool
  ) -> Int {
    let fits = { (sizes: Int...) in sizes.allSatisfy { $0 > 0 && $0 % 4 == 0 } }
    switch (transposeA, transposeB) {
    case (false, true): return fits(sizes.k, sizes.n) ? 1 : 0
    case (false, false): return fits(sizes.k, sizes.n) ? 2 : 0
    case (true, false): return fits(sizes.m, sizes.n) ? 3 : 0
    case (true, true): return 0
    }
  }

  private var count: Int { sizes.batch * sizes.m * sizes.n }

  func workspaceByteCount(_ device: DeviceTraits) -> Int {
    problem.tile(device).workspaceByteCount(resultCount: count)
  }

  func launches(
    _ original: ProductOperands, scale: Float = 1, activation: Activation? = nil,
    _ context: LoweringContext
  ) -> [Launch] {
    let tile = problem.tile(context.device)
    let (operands, packing) = tile.pack(original, resultCount: count, context)
    let rowSums = tile.rowSumsLaunches(original, context)
    if tile.splits == 1 {
      return packing + launches(operands, tile, scale: scale, activation) + rowSums
    }
    let partials = Binding(
      type: TensorType([tile.splits, count], .f32), address: context.workspace)
    let parts = ProductOperands(a: operands.a, b: operands.b, y: partials)
    let sum = context.sumPartials(
      partials, operands, columns: sizes.n, scale: scale, activation: activation)
    return packing + launches(parts, tile, scale: 1, nil) + [sum] + rowSums
  }

  private func launches(
    _ operands: ProductOperands, _ tile: ProductTile, scale: Float, _ activation: Activation?
  ) -> [Launch] {
    var parameters = MatrixProductParameters()
    parameters.a = operands.a.address
    parameters.b = operands.b.address
    parameters.y = operands.y.address
    parameters.bias = (operands.bias ?? (tile.sumsRows ? operands.rowSums : nil))?.address ?? 0
    parameters.residual = operands.residual?.address ?? 0
    parameters.batch = UInt32(sizes.batch)
    parameters.m = UInt32(sizes.m)
    parameters.n = UInt32(sizes.n)
    parameters.k = UInt32(sizes.k)
    parameters.aBatch = UInt32(sizes.m * sizes.k)
    parameters.aRow = transposeA ? 1 : parameters.k
    parameters.aStep = transposeA ? parameters.m : 1
    parameters.bBatch = UInt32(sizes.k * sizes.n)
    parameters.bColumn = transposeB ? parameters.k : 1
    parameters.bStep = transposeB ? 1 : parameters.n
    if let panels = tile.panels {
      parameters.bStep = UInt32(panels.b.width)
      parameters.bBatch = UInt32(panels.b.elementsOfCopy)
    }
    if let panels = tile.panels?.a {
      parameters.aStep = UInt32(panels.width)
      parameters.aBatch = UInt32(panels.elementsOfCopy)
    }
    parameters.splits = UInt32(tile.splits)
    parameters.splitLength = UInt32(tile.splitLength)
    parameters.laneShift = UInt32(tile.laneShift)
    parameters.scale = scale
    return tile.launches { part in
      parameters.firstColumn = UInt32(part.columns.lowerBound)
      parameters.endColumn = UInt32(part.columns.upperBound)
      return Launch(
        tile.variant(
          part, storage: operands.storage, activation: activation,
          sumsRows: operands.rowSums != nil),
        groups: foldedGroups(part.groupCount), parameters: parameters)
    }
  }
}

extension LoweringContext {
  /// The second pass of a split product: `y = activation(scale * sum of partials + bias) + residual`.
  ///
  /// - Parameters:
  ///   - partials: f32 [splits, elements of y]
  ///   - columns: of y, for the bias
  func sumPartials(
    _ partials: Binding, _ operands: ProductOperands, columns: Int, scale: Float = 1,
    activation: Activation? = nil
  ) -> Launch {
    let count = operands.y.type.elementCount
    return elementwise(
      "product/sum_partials.comp", count: count,
      storage: [
        "Y": operands.y.type.dtype, "BIAS": operands.bias?.type.dtype ?? .f32,
        "RESIDUAL": operands.residual?.type.dtype ?? .f32,
      ], defines: ["ACTIVATION": activation.macro],
      parameters: SumPartialsParameters(
        partials: partials.address, y: operands.y.address, bias: operands.bias?.address ?? 0,
        residual: operands.residual?.address ?? 0, count: UInt32(count), columns: UInt32(columns),
        splits: UInt32(partials.type.shape[0]), scale: scale))
  }
}
