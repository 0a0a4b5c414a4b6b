import CKernelParameters
import Graph

extension Adafactor: VulkanOperation {
  private var roles: UpdateRoles { UpdateRoles(tensors: tensors, count: isFactored ? 4 : 3) }

  public func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int {
    groups(inputs).reduce(0) { total, group in
      total
        + AdafactorSpace(
          weights: group.tensors.map { inputs[3 + $0] }, isFactored: isFactored, roles: roles,
          start: total
        ).byteCount
    }
  }

  /// Six launches for matrices, three for other tensors, for all that are stored alike.
  public func launches(_ context: LoweringContext) -> [Launch] {
    var offset = 0
    return groups(context.inputs.map(\.type)).flatMap { group in
      let space = AdafactorSpace(
        weights: group.tensors.map { context.inputs[3 + $0].type }, isFactored: isFactored,
        roles: roles, start: offset)
      offset += space.byteCount
      return AdafactorStage.stages(isFactored: isFactored).enumerated().map { index, stage in
        launch(stage, at: space.tables + index * space.tableByteCount, context, group, space)
      }
    }
  }

  /// Matrices whose rows are whole pairs apart from others: their kernels read pairs.
  private func groups(_ inputs: [TensorType]) -> [UpdateGroup] {
    roles.groups(inputs).flatMap { group in
      [true, false].compactMap { hasPairs in
        let tensors = group.tensors.filter {
          (!isFactored || inputs[3 + $0].columns % 2 == 0) == hasPairs
        }
        return tensors.isEmpty ? nil : UpdateGroup(dtypes: group.dtypes, tensors: tensors)
      }
    }
  }

  private func launch(
    _ stage: AdafactorStage, at offset: Int, _ context: LoweringContext, _ group: UpdateGroup,
    _ space: AdafactorSpace
  ) -> Launch {
    let weights = group.tensors.map { context.inputs[3 + $0].type }
    let hasPairs = !isFactored || weights[0].columns % 2 == 0
    let values: Values = hasPairs || stage == .update ? .pairs : .single
    let lanes = context.device.isCPU ? context.device.subgroupSize : 64
    let table = UpdateTable(
      entries: zip(group.tensors, weights).enumerated().map { place, member in
        let (tensor, weight) = member
        let extra = space.places[place].map { context.workspace + UInt64($0) }
        return UpdateTable.Entry(
          count: weight.elementCount, index: tensors.indices[tensor],
          size: stage == .rate
            ? AdafactorSpace.squareSums(weight, isFactored: isFactored) : weight.columns,
          groups: stage.groups(weight, isFactored: isFactored, values: values, lanes: lanes),
          addresses: roles.addresses(context, tensor) + extra)
      })
    var storage: [String: DType] = [:]
    if stage != .means, stage != .rate { storage["G"] = group.dtypes[1] }
    if stage == .update { storage["P"] = group.dtypes[0] }
    let isAlwaysFactored = [.rows, .columns, .means].contains(stage)
    var launch = context.grouped(
      stage.path, groups: table.groups, lanes: lanes, values: values, storage: storage,
      defines: isFactored && !isAlwaysFactored ? ["FACTORED": "1"] : [:],
      parameters: parameters(context, table, at: context.workspace + UInt64(offset)))
    launch.table = WorkspaceTable(offset: offset, bytes: table.bytes)
    return launch
  }

  private func parameters(
    _ context: LoweringContext, _ table: UpdateTable, at address: UInt64
  ) -> AdafactorParameters {
    AdafactorParameters(
      table: address, learningRate: context.inputs[0].address,
      step: context.inputs[1].address, scale: context.inputs[2].address,
      entryWords: UInt32(table.entryWords), tensors: UInt32(table.entries.count),
      groups: UInt32(table.groups), seedLow: tensors.seedLow, seedHigh: tensors.seedHigh,
      decayExponent: Float(decayExponent), clipThreshold: Float(clipThreshold),
      weightDecay: Float(weightDecay))
  }
}

/// A launch of an update.
private enum AdafactorStage {
  case rows, columns, means, squares, rate, update

  static func stages(isFactored: Bool) -> [AdafactorStage] {
    isFactored ? [.rows, .columns, .means, .squares, .rate, .update] : [.squares, .rate, .update]
  }

  var path: String {
    switch self {
    case .rows: "optimizer/adafactor_rows.comp"
    case .columns: "optimizer/adafactor_columns.comp"
    case .means: "optimizer/adafactor_means.comp"
    case .squares: "optimizer/adafactor_squares.comp"
    case .rate: "optimizer/adafactor_rate.comp"
    case .update: "optimizer/adafactor.comp"
    }
  }

  /// Workgroups of a tensor.
  func groups(_ weight: TensorType, isFactored: Bool, values: Values, lanes: Int) -> Int {
    let blocks = (values.count(weight.columns) + lanes - 1) / lanes
    return switch self {
    case .rows: weight.shape[0]
    case .columns: blocks * AdafactorSpace.parts(weight)
    case .means: blocks + 1
    case .squares: AdafactorSpace.squareSums(weight, isFactored: isFactored)
    case .rate: 1
    case .update: UpdateTable.chunks(weight.elementCount)
    }
  }
}

/// Where an update of some tensors has its sums and tables in the workspace.
private struct AdafactorSpace {
  /// For each tensor: mean and rate, column sums, sums of squares.
  let places: [[Int]]
  /// The first of the launches' tables.
  let tables: Int
  let tableByteCount: Int
  let byteCount: Int

  static let rowsOfPart = 512

  static func parts(_ weight: TensorType) -> Int {
    (weight.shape[0] + rowsOfPart - 1) / rowsOfPart
  }

  static func squareSums(_ weight: TensorType, isFactored: Bool) -> Int {
    isFactored ? weight.shape[0] : UpdateTable.chunks(weight.elementCount)
  }

  init(weights: [TensorType], isFactored: Bool, roles: UpdateRoles, start: Int) {
    var end = start
    func take(_ floats: Int) -> Int {
      defer { end += (floats * 4 + 15) / 16 * 16 }
      return end
    }
    places = weights.map { weight in
      [
        take(2), take(isFactored ? weight.columns * Self.parts(weight) : 0),
        take(Self.squareSums(weight, isFactored: isFactored)),
      ]
    }
    tables = scratchByteCount(end)
    tableByteCount = UpdateTable.byteCount(
      tensors: weights.count, roles: roles.addressCount + 3)
    byteCount =
      tables + tableByteCount * AdafactorStage.stages(isFactored: isFactored).count - start
  }
}

extension TensorType {
  /// Elements of a row of the matrix with the first dimension's rows.
  fileprivate var columns: Int { elementCount / max(shape.first ?? 1, 1) }
}
