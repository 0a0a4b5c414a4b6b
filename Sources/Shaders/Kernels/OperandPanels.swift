import CKernelParameters
import Graph

/// Where an operand of a product lies in panels (`shaders/product/panels.comp`).
struct OperandPanels {
  /// Matrices one after the other.
  let copies: Int
  let rows: Int
  /// Elements of a row, a multiple of 4.
  let columns: Int
  /// Columns of a panel, a multiple of 4.
  let width: Int
  let dtype: DType

  /// Bytes of all panels.
  var byteCount: Int { scratchByteCount(copies * elementsOfCopy * dtype.byteCount) }

  /// Elements from one matrix to the next.
  var elementsOfCopy: Int { ceilDivide(columns, width) * width * rows }

  /// The launch that lays the operand out in scratch memory.
  func launch(_ context: LoweringContext, from source: Binding, to address: UInt64) -> Launch {
    let unit = 8 / dtype.byteCount
    let part = 256  // rows: enough to pay for a workgroup
    let parts = SumParts(length: rows, size: part)
    return context.columns(
      "product/panels.comp", columns: columns / unit, parts: copies * parts.count, storage: [:],
      parameters: PanelsParameters(
        x: source.address, y: address, copies: UInt32(copies), rows: UInt32(rows),
        columns: UInt32(columns / unit), width: UInt32(width / unit), parts: UInt32(parts.count),
        rowsOfPart: UInt32(parts.size)))
  }
}

/// The operands that a tile wants in panels.
struct ProductPanels {
  let a: OperandPanels?
  let b: OperandPanels

  /// - Parameters:
  ///   - rows: of a tile
  ///   - columns: of all lanes of a tile
  init(_ problem: ProductProblem, rows: Int, columns: Int) {
    let copies = problem.operandCopies
    a =
      problem.form == 3
      ? OperandPanels(
        copies: copies, rows: problem.depth, columns: problem.m, width: rows,
        dtype: problem.storage.a) : nil
    b = OperandPanels(
      copies: copies, rows: problem.bRows, columns: problem.n, width: columns,
      dtype: problem.storage.b)
  }

  var byteCount: Int { (a?.byteCount ?? 0) + b.byteCount }

  /// Elements that are moved for each of `depth` terms of the sums.
  var elementCount: Int {
    [a, b].compactMap { $0 }.reduce(0) { $0 + $1.copies * $1.rows * $1.columns }
  }

  /// The launches that make the panels at `address`, and the operands with those in place.
  func pack(
    _ operands: ProductOperands, at address: UInt64, _ context: LoweringContext
  ) -> (ProductOperands, [Launch]) {
    var launches = [b.launch(context, from: operands.b, to: address)]
    let second = Binding(type: operands.b.type, address: address)
    var first = operands.a
    if let a {
      let target = address + UInt64(b.byteCount)
      launches.append(a.launch(context, from: operands.a, to: target))
      first = Binding(type: operands.a.type, address: target)
    }
    return (
      ProductOperands(
        a: first, b: second, y: operands.y, bias: operands.bias, residual: operands.residual,
        rowSums: operands.rowSums),
      launches
    )
  }
}

extension ProductTile {
  /// Bytes of partial sums for so many results, then of panels.
  func workspaceByteCount(resultCount: Int) -> Int {
    partialsByteCount(resultCount) + (panels?.byteCount ?? 0)
  }

  /// The operands as the tile reads them, and the launches that make them so.
  func pack(
    _ operands: ProductOperands, resultCount: Int, _ context: LoweringContext
  ) -> (ProductOperands, [Launch]) {
    let address = context.workspace + UInt64(partialsByteCount(resultCount))
    return panels?.pack(operands, at: address, context) ?? (operands, [])
  }

  private func partialsByteCount(_ resultCount: Int) -> Int {
    splits > 1 ? scratchByteCount(splits * resultCount * 4) : 0
  }
}
