import CKernelParameters
import Graph

extension Concatenate: VulkanOperation {
  public func launches(_ context: LoweringContext) -> [Launch] {
    let y = context.outputs[0]
    let rows = y.type.shape[..<axis].reduce(1, *)
    let targetRun = y.type.elementCount / rows
    var start = 0
    return context.inputs.map { x in
      let run = x.type.elementCount / rows
      defer { start += run }
      return context.moveRows(
        x, to: y, rows: rows, run: run, sourceRun: run, targetRun: targetRun, start: start,
        shift: 0)
    }
  }
}

extension Slice: VulkanOperation {
  public func launches(_ context: LoweringContext) -> [Launch] {
    let (x, y) = (context.inputs[0], context.outputs[0])
    let rows = x.type.shape[..<axis].reduce(1, *)
    let inner = x.type.shape[(axis + 1)...].reduce(1, *)
    return [
      context.moveRows(
        x, to: y, rows: rows, run: count * inner, sourceRun: x.type.elementCount / rows,
        targetRun: count * inner, start: 0, shift: start * inner)
    ]
  }
}

extension SliceGradient: VulkanOperation {
  public func launches(_ context: LoweringContext) -> [Launch] {
    let (dy, dx) = (context.inputs[0], context.outputs[0])
    let rows = dx.type.shape[..<axis].reduce(1, *)
    let inner = dx.type.shape[(axis + 1)...].reduce(1, *)
    return [
      context.moveRows(
        dy, to: dx, rows: rows, run: size * inner, sourceRun: dy.type.elementCount / rows,
        targetRun: size * inner, start: 0, shift: -start * inner)
    ]
  }
}

extension LoweringContext {
  /// `y[row, start + j] = x[row, j + shift]` for `j < run`, 0 where x has no such place.
  fileprivate func moveRows(
    _ x: Binding, to y: Binding, rows: Int, run: Int, sourceRun: Int, targetRun: Int, start: Int,
    shift: Int
  ) -> Launch {
    let values = Values.dividing(run, sourceRun, targetRun, start, shift)
    let count = rows * values.count(run)
    let isInside = shift >= 0 && shift + run <= sourceRun
    return elementwise(
      "shape/move_rows.comp", count: count, values: values,
      storage: ["X": x.type.dtype, "Y": y.type.dtype],
      defines: isInside ? [:] : ["ZERO_PADDED": "1"],
      parameters: MoveRowsParameters(
        x: x.address, y: y.address, count: UInt32(count), run: UInt32(values.count(run)),
        sourceRun: UInt32(values.count(sourceRun)), targetRun: UInt32(values.count(targetRun)),
        start: UInt32(values.count(start)),
        shift: Int32(shift / values.size)))
  }
}
