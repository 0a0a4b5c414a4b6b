import CKernelParameters
import Graph

extension LayerNorm: VulkanOperation {
  public func launches(_ context: LoweringContext) -> [Launch] {
    let x = context.inputs[0]
    let width = x.type.lastDimension
    let rows = x.type.elementCount / width
    let values = Values.dividing(width)
    let rowsOfGroup = 8
    return [
      context.groupedByRows(
        "norm/layer_norm.comp", groups: ceilDivide(rows, rowsOfGroup), values: values,
        storage: ["X": x.type.dtype, "W": context.inputs[1].type.dtype],
        constants: [1: UInt32(rowsOfGroup)],
        parameters: LayerNormParameters(
          x: x.address, weight: context.inputs[1].address, bias: context.inputs[2].address,
          y: context.outputs[0].address, mean: context.outputs[1].address,
          rstd: context.outputs[2].address, rows: UInt32(rows),
          width: UInt32(values.count(width)), epsilon: Float(epsilon)))
    ]
  }
}

extension LayerNormGradient: VulkanOperation {
  public func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int {
    guard hasParameterGradients else { return 0 }
    return RowParts(inputs[0], device).sumsByteCounts.reduce(0, +)
  }

  /// dx row by row, with sums for each part and column; then dweight and dbias from the sums, on
  /// a GPU by way of sums over parts.
  public func launches(_ context: LoweringContext) -> [Launch] {
    let parts = RowParts(context.inputs[0].type, context.device)
    var launches = [gradient(context, parts)]
    guard hasParameterGradients else { return launches }
    var (sums, rows) = (context.workspace, parts.parts.count)
    if parts.sumsByteCounts.count > 1 {
      let totals = sums + UInt64(parts.sumsByteCounts[0])
      let pass = parts.total
      launches.append(
        pass.launch(
          context, x: Binding(type: TensorType([rows, 2 * parts.width]), address: sums),
          y: Binding(type: TensorType([pass.parts.count, 2 * parts.width]), address: totals)))
      (sums, rows) = (totals, pass.parts.count)
    }
    launches.append(
      context.columns(
        "norm/layer_norm_parameter_gradient.comp", columns: parts.width, parts: 1,
        storage: ["W": context.outputs[1].type.dtype],
        parameters: LayerNormParameterGradientParameters(
          sums: sums, dweight: context.outputs[1].address, dbias: context.outputs[2].address,
          rows: UInt32(rows), channels: UInt32(parts.width))))
    return launches
  }

  private func gradient(_ context: LoweringContext, _ parts: RowParts) -> Launch {
    let (x, weight, dy) = (context.inputs[0], context.inputs[1], context.inputs[4])
    let values = Values.dividing(parts.width)
    var storage = ["X": x.type.dtype, "W": weight.type.dtype, "DY": dy.type.dtype]
    var defines = hasParameterGradients ? ["HAS_PARAMETERS": "1"] : [:]
    if hasResidual {
      storage["RESIDUAL"] = context.inputs[5].type.dtype
      defines["HAS_RESIDUAL"] = "1"
    }
    return context.groupedByRows(
      "norm/layer_norm_gradient.comp", groups: parts.parts.count, values: values,
      storage: storage, defines: defines,
      parameters: LayerNormGradientParameters(
        x: x.address, weight: weight.address, mean: context.inputs[2].address,
        rstd: context.inputs[3].address, dy: dy.address,
        residual: hasResidual ? context.inputs[5].address : 0, dx: context.outputs[0].address,
        sums: context.workspace, rows: UInt32(parts.rows),
        width: UInt32(values.count(parts.width)), parts: UInt32(parts.parts.count),
        rowsOfPart: UInt32(parts.parts.size)))
  }
}

/// How the rows of a tensor [rows, width] are split among workgroups.
private struct RowParts {
  let rows: Int
  let width: Int
  let parts: SumParts

  init(_ x: TensorType, _ device: DeviceTraits) {
    width = x.lastDimension
    rows = x.elementCount / width
    // On a CPU 64 rows stay in the cache; on a GPU there is a workgroup for every few rows.
    parts = SumParts(length: rows, size: device.isCPU ? 64 : 8)
  }

  /// Sums of the parts' sums, where there are many parts.
  var total: SumPass {
    SumPass(
      outer: 1, rows: parts.count, columns: 2 * width,
      parts: SumParts(length: parts.count, size: 64))
  }

  /// Bytes of the parts' sums, and of their sums.
  var sumsByteCounts: [Int] {
    let bytes = scratchByteCount(parts.count * width * 8)
    return parts.count > 128 ? [bytes, total.byteCount] : [bytes]
  }
}

extension LoweringContext {
  /// A launch of workgroups whose subgroups, full ones, each have rows of their own.
  fileprivate func groupedByRows<Parameters: BitwiseCopyable>(
    _ path: String, groups: Int, values: Values, storage: [String: DType],
    defines: [String: String] = [:], constants: [UInt32: UInt32] = [:], parameters: Parameters
  ) -> Launch {
    var launch = grouped(
      path, groups: groups, values: values, storage: storage, defines: defines,
      constants: constants, parameters: parameters)
    launch.shader.requiresFullSubgroups = !device.isCPU
    return launch
  }
}
