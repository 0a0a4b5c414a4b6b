import CKernelParameters
import Graph

extension GlobalNorm: VulkanOperation {
  public func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int {
    inputs.reduce(0) { $0 + SquareRun.parts($1.elementCount) } * 4
  }

  public func launches(_ context: LoweringContext) -> [Launch] {
    let runs = SquareRun.merged(context.inputs, joins: joinsNeighbours)
    var launches: [Launch] = []
    var partCount = 0
    var next = 0
    while next < runs.count {
      // As many runs of one storage as the parameters hold.
      let dtype = runs[next].dtype
      let taken = runs[next...].prefix(SquareRun.perLaunch).prefix { $0.dtype == dtype }
      let parts = taken.reduce(0) { $0 + $1.parts }
      launches.append(
        context.grouped(
          "optimizer/global_norm_sums.comp", groups: parts, values: .pairs, storage: ["X": dtype],
          constants: [1: UInt32(SquareRun.partSize)],
          parameters: SquareRun.parameters(
            taken, sums: context.workspace + UInt64(partCount * 4))))
      partCount += parts
      next += taken.count
    }
    launches.append(
      context.grouped(
        "optimizer/global_norm.comp", groups: 1, storage: [:],
        parameters: GlobalNormParameters(
          sums: context.workspace, y: context.outputs[0].address, count: UInt32(partCount))))
    return launches
  }
}

/// A stretch of memory whose squares are summed: tensors that follow one another without padding.
private struct SquareRun {
  let dtype: DType
  let address: UInt64
  var count: Int

  /// Elements that a workgroup sums.
  static let partSize = 8192
  /// Runs that one launch's parameters hold.
  static let perLaunch = 10

  static func parts(_ count: Int) -> Int { (count + partSize - 1) / partSize }
  var parts: Int { Self.parts(count) }

  static func merged(_ tensors: [Binding], joins: Bool) -> [SquareRun] {
    var runs: [SquareRun] = []
    for tensor in tensors {
      let (type, count) = (tensor.type, tensor.type.elementCount)
      if joins, let last = runs.last, last.dtype == type.dtype,
        last.address + UInt64(last.count * type.dtype.byteCount) == tensor.address,
        last.count + count < 1 << 31
      {
        runs[runs.count - 1].count += count
      } else {
        runs.append(SquareRun(dtype: type.dtype, address: tensor.address, count: count))
      }
    }
    return runs
  }

  static func parameters(
    _ runs: ArraySlice<SquareRun>, sums: UInt64
  ) -> GlobalNormSumsParameters {
    var parameters = GlobalNormSumsParameters()
    parameters.sums = sums
    withUnsafeMutableBytes(of: &parameters.x) { raw in
      let x = raw.bindMemory(to: UInt64.self)
      for (index, run) in runs.enumerated() { x[index] = run.address }
    }
    withUnsafeMutableBytes(of: &parameters.count) { raw in
      let count = raw.bindMemory(to: UInt32.self)
      for (index, run) in runs.enumerated() { count[index] = UInt32(run.count) }
    }
    return parameters
  }
}
