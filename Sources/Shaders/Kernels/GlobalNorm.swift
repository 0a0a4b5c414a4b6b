import CKernelParameters
import Graph

extension GlobalNorm: VulkanOperation {
  /// Elements whose squares a workgroup sums.
  private static let partSize = 8192
  /// Words of a table's entry: two, and the address.
  private static let roleCount = 1

  private static func parts(_ type: TensorType) -> Int { ceilDivide(type.elementCount, partSize) }

  /// Tensors that are stored alike, each with a launch for all of them.
  private static func groups(_ inputs: [TensorType]) -> [UpdateGroup] {
    UpdateGroup.groups([inputs])
  }

  /// Sums of all parts, then a table for each launch.
  public func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int {
    Self.sumsByteCount(inputs)
      + Self.groups(inputs).reduce(0) {
        $0 + UpdateTable.byteCount(tensors: $1.tensors.count, roles: Self.roleCount)
      }
  }

  private static func sumsByteCount(_ inputs: [TensorType]) -> Int {
    scratchByteCount(inputs.reduce(0) { $0 + parts($1) } * 4)
  }

  public func launches(_ context: LoweringContext) -> [Launch] {
    let types = context.inputs.map(\.type)
    var offset = Self.sumsByteCount(types)
    var partCount = 0
    var launches = Self.groups(types).map { group in
      let table = UpdateTable(
        entries: group.tensors.map { tensor in
          UpdateTable.Entry(
            count: types[tensor].elementCount, index: tensor, groups: Self.parts(types[tensor]),
            addresses: [context.inputs[tensor].address])
        })
      var launch = context.grouped(
        "optimizer/global_norm_sums.comp", groups: table.groups, values: .pairs,
        storage: ["X": group.dtypes[0]], constants: [1: UInt32(Self.partSize)],
        parameters: GlobalNormSumsParameters(
          sums: context.workspace + UInt64(partCount * 4),
          table: context.workspace + UInt64(offset), entryWords: UInt32(table.entryWords),
          tensors: UInt32(group.tensors.count), groups: UInt32(table.groups)))
      launch.table = WorkspaceTable(offset: offset, bytes: table.bytes)
      partCount += table.groups
      offset += UpdateTable.byteCount(tensors: group.tensors.count, roles: Self.roleCount)
      return launch
    }
    launches.append(
      context.grouped(
        "optimizer/global_norm.comp", groups: 1, storage: [:],
        parameters: GlobalNormParameters(
          sums: context.workspace, y: context.outputs[0].address, count: UInt32(partCount))))
    return launches
  }
}
