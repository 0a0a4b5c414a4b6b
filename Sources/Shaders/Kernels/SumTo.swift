import CKernelParameters
import Graph

extension SumTo: VulkanOperation {
  public func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int {
    // Two buffers in turn: no pass writes what it reads.
    2 * passes(inputs[0], device: device).dropLast().reduce(0) { max($0, $1.byteCount) }
  }

  public func launches(_ context: LoweringContext) -> [Launch] {
    let (x, y) = (context.inputs[0], context.outputs[0])
    let passes = passes(x.type, device: context.device)
    let largest = passes.dropLast().reduce(0) { max($0, $1.byteCount) }
    var source = x
    return passes.enumerated().map { index, pass in
      let scratch = context.workspace + UInt64(index % 2 * largest)
      let target =
        index == passes.count - 1
        ? y : Binding(type: TensorType([pass.resultCount], .f32), address: scratch)
      defer { source = target }
      return pass.launch(context, x: source, y: target)
    }
  }

  /// Sums over the last summed dimensions first; a tall sum takes a pass over parts and one over
  /// their results.
  private func passes(_ x: TensorType, device: DeviceTraits) -> [SumPass] {
    var dimensions = MergedShape(fullShape(x), within: x.shape).dimensions
    var passes: [SumPass] = []
    while let last = dimensions.lastIndex(where: { !$0.isKept }) {
      let outer = dimensions[..<last].reduce(1) { $0 * $1.size }
      let columns = dimensions[(last + 1)...].reduce(1) { $0 * $1.size }
      passes += SumPass.passes(
        outer: outer, rows: dimensions[last].size, columns: columns, device: device)
      dimensions = dimensions[..<last] + [(columns, true)]
    }
    // Nothing to sum over: a sum of single rows converts and copies.
    return passes.isEmpty
      ? [SumPass(outer: 1, rows: 1, columns: x.elementCount, parts: SumParts(length: 1, size: 1))]
      : passes
  }
}

extension Repeat: VulkanOperation {
  public func launches(_ context: LoweringContext) -> [Launch] {
    [context.broadcast("elementwise/repeat.comp", a: nil, b: context.inputs[0])]
  }
}

/// One launch of a sum: [outer, rows, columns] to [outer, parts, columns].
struct SumPass {
  let outer: Int
  let rows: Int
  let columns: Int
  let parts: SumParts

  var resultCount: Int { outer * parts.count * columns }
  var byteCount: Int { scratchByteCount(resultCount * 4) }

  /// The passes that sum over rows.
  static func passes(outer: Int, rows: Int, columns: Int, device: DeviceTraits) -> [SumPass] {
    let parts =
      columns == 1
      ? .elements(rows)
      : SumParts.rows(
        rows, columns: columns, values: .dividing(columns), outer: outer, device: device)
    let first = SumPass(outer: outer, rows: rows, columns: columns, parts: parts)
    if parts.count == 1 { return [first] }
    return [first]
      + passes(outer: outer, rows: parts.count, columns: columns, device: device)
  }

  func launch(_ context: LoweringContext, x: Binding, y: Binding) -> Launch {
    let values = Values.dividing(columns)
    let parameters = SumToParameters(
      x: x.address, y: y.address, outer: UInt32(outer), rows: UInt32(rows),
      columns: UInt32(values.count(columns)), parts: UInt32(parts.count),
      rowsOfPart: UInt32(parts.size))
    let storage = ["X": x.type.dtype, "Y": y.type.dtype]
    if columns == 1 {
      return context.grouped(
        "reduce/row_sums.comp", groups: outer * parts.count, storage: storage,
        parameters: parameters)
    }
    return context.columns(
      "reduce/column_sums.comp", columns: values.count(columns), parts: outer * parts.count,
      values: values, storage: storage, parameters: parameters)
  }
}
