import CKernelParameters
import Foundation
import Graph

extension ProdigyMoments: VulkanOperation {
  private var roles: UpdateRoles { UpdateRoles(tensors: tensors, count: 6, outputCount: 4) }

  private static let pairByteCount = 8

  /// Tables, then sums of each workgroup.
  public func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int {
    let chunks = inputs[3..<3 + tensors.count].reduce(0) {
      $0 + UpdateTable.chunks($1.elementCount)
    }
    return roles.tableByteCount(inputs) + chunks * Self.pairByteCount
  }

  public func launches(_ context: LoweringContext) -> [Launch] {
    let types = context.inputs.map(\.type)
    let sums = context.workspace + UInt64(roles.tableByteCount(types))
    var (offset, groups) = (0, 0)
    var launches = roles.groups(types).map { group in
      let table = roles.chunkTable(context, group)
      var launch = context.grouped(
        "optimizer/prodigy_moments.comp", groups: table.groups, values: .pairs,
        storage: ["P": group.dtypes[0], "G": group.dtypes[1]],
        parameters: parameters(
          context, table, at: context.workspace + UInt64(offset),
          sums: sums + UInt64(groups * Self.pairByteCount)))
      launch.table = WorkspaceTable(offset: offset, bytes: table.bytes)
      offset += UpdateTable.byteCount(tensors: group.tensors.count, roles: roles.addressCount)
      groups += table.groups
      return launch
    }
    launches.append(
      context.grouped(
        "optimizer/prodigy_sums.comp", groups: 1, storage: [:],
        parameters: ProdigySumsParameters(
          sums: sums, y: context.outputs[4 * tensors.count].address, count: UInt32(groups))))
    return launches
  }

  private func parameters(
    _ context: LoweringContext, _ table: UpdateTable, at address: UInt64, sums: UInt64
  ) -> ProdigyMomentsParameters {
    ProdigyMomentsParameters(
      table: address, learningRate: context.inputs[0].address,
      step: context.inputs[1].address, scale: context.inputs[2].address,
      control: context.inputs[context.inputs.count - 1].address, sums: sums,
      entryWords: UInt32(table.entryWords), tensors: UInt32(table.entries.count),
      groups: UInt32(table.groups), correctsBias: rule.correctsBias ? 1 : 0,
      safeguardsWarmup: rule.safeguardsWarmup ? 1 : 0, logBeta1: Float(log(rule.beta1)),
      logBeta2: Float(log(rule.beta2)), weight1: Float(1 - rule.beta1),
      beta2: Float(rule.beta2), weight2: Float(1 - rule.beta2), beta3: Float(rule.beta3),
      d0: Float(rule.d0))
  }
}

extension ProdigyDistance: VulkanOperation {
  public func launches(_ context: LoweringContext) -> [Launch] {
    let (inputs, outputs) = (context.inputs.map(\.address), context.outputs.map(\.address))
    return [
      Launch(
        ShaderVariant("optimizer/prodigy_distance.comp"), groups: (1, 1, 1),
        parameters: ProdigyDistanceParameters(
          learningRate: inputs[0], step: inputs[1], scale: inputs[2], sums: inputs[3],
          control: inputs[4], controlOut: outputs[0], steps: outputs[1],
          correctsBias: rule.correctsBias ? 1 : 0, logBeta1: Float(log(rule.beta1)),
          logBeta2: Float(log(rule.beta2)), beta3: Float(rule.beta3), d0: Float(rule.d0),
          dCoefficient: Float(rule.dCoefficient), epsilon: Float(rule.epsilon)))
    ]
  }
}

extension ProdigyUpdate: VulkanOperation {
  private var roles: UpdateRoles { UpdateRoles(tensors: tensors, count: 3, outputCount: 1) }

  public func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int { roles.tableByteCount(inputs) }

  public func launches(_ context: LoweringContext) -> [Launch] {
    var offset = 0
    return roles.groups(context.inputs.map(\.type)).map { group in
      let table = roles.chunkTable(context, group)
      var launch = context.grouped(
        "optimizer/prodigy.comp", groups: table.groups, values: .pairs,
        storage: ["P": group.dtypes[0]],
        parameters: ProdigyParameters(
          table: context.workspace + UInt64(offset), steps: context.inputs[0].address,
          step: context.inputs[1].address, entryWords: UInt32(table.entryWords),
          tensors: UInt32(table.entries.count), groups: UInt32(table.groups),
          seedLow: tensors.seedLow, seedHigh: tensors.seedHigh,
          weightDecay: Float(weightDecay)))
      launch.table = WorkspaceTable(offset: offset, bytes: table.bytes)
      offset += UpdateTable.byteCount(tensors: group.tensors.count, roles: roles.addressCount)
      return launch
    }
  }
}
