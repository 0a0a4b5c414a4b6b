import CKernelParameters
import Foundation
import Graph

extension AdamW8Bit: VulkanOperation {
  private var roles: UpdateRoles { UpdateRoles(tensors: tensors, count: 6) }

  /// Signed values, then unsigned ones.
  private static let maps = DynamicMap.signed + DynamicMap.unsigned
  private static let mapByteCount = maps.count * 4

  /// Each group's maps and table.
  public func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int {
    roles.tableByteCount(inputs) + roles.groups(inputs).count * Self.mapByteCount
  }

  public func launches(_ context: LoweringContext) -> [Launch] {
    // A block's 64 quads: all at once on a GPU, by a CPU's one subgroup in turns.
    let lanes = context.device.isCPU ? context.device.subgroupSize : 64
    var offset = 0
    return roles.groups(context.inputs.map(\.type)).map { group in
      let table = roles.chunkTable(context, group)
      var launch = context.grouped(
        "optimizer/adamw_8bit.comp", groups: table.groups, lanes: lanes, values: .pairs,
        storage: ["P": group.dtypes[0], "G": group.dtypes[1]],
        defines: ["QUADS": String(64 / lanes)],
        parameters: parameters(context, table, at: context.workspace + UInt64(offset)))
      launch.table = WorkspaceTable(
        offset: offset, bytes: Self.maps.withUnsafeBytes(Array.init) + table.bytes)
      offset +=
        Self.mapByteCount
        + UpdateTable.byteCount(tensors: group.tensors.count, roles: roles.addressCount)
      return launch
    }
  }

  private func parameters(
    _ context: LoweringContext, _ table: UpdateTable, at address: UInt64
  ) -> AdamW8BitParameters {
    AdamW8BitParameters(
      table: address + UInt64(Self.mapByteCount), maps: address,
      learningRate: context.inputs[0].address, step: context.inputs[1].address,
      scale: context.inputs[2].address, entryWords: UInt32(table.entryWords),
      tensors: UInt32(table.entries.count), groups: UInt32(table.groups),
      seedLow: tensors.seedLow, seedHigh: tensors.seedHigh, logBeta1: Float(log(beta1)),
      logBeta2: Float(log(beta2)), weight1: Float(1 - beta1), beta2: Float(beta2),
      weight2: Float(1 - beta2), epsilon: Float(epsilon), weightDecay: Float(weightDecay))
  }
}
