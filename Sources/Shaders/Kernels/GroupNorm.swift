import CKernelParameters
import Graph

extension GroupNorm: VulkanOperation {
  /// From this size on three launches which read whole rows are faster than one that reads the channels
  /// of a group, a row apart: they cost about as much as the norm of 40,000 elements on a CPU, and on a
  /// GPU a group by itself has too few lanes.
  private static let leastCountByRows = 65536

  public func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int {
    guard inputs[0].elementCount >= Self.leastCountByRows else { return 0 }
    let shape = GroupShape(inputs[0], groups: groups)
    return shape.sumsByteCount(shape.parts(device).count)
  }

  public func launches(_ context: LoweringContext) -> [Launch] {
    let shape = GroupShape(context.inputs[0].type, groups: groups)
    return shape.elementCount >= Self.leastCountByRows
      ? launchesByRows(context, shape) : [launchByGroup(context, shape)]
  }

  private func launchByGroup(_ context: LoweringContext, _ shape: GroupShape) -> Launch {
    let width = shape.values.count(shape.width)
    // Lanes side by side over a group's channels: none on a CPU, where any load is a gather.
    var columns = 1
    while !context.device.isCPU && columns < min(width, 32) { columns *= 2 }
    return context.grouped(
      "norm/group_norm.comp", groups: shape.samples * groups, values: shape.values,
      storage: storage(context), defines: ["ACTIVATION": activation.macro],
      constants: [1: UInt32(columns)], parameters: parameters(context, shape, shape.values))
  }

  /// Sums for each sample, part and channel; statistics of groups; the norm itself.
  private func launchesByRows(_ context: LoweringContext, _ shape: GroupShape) -> [Launch] {
    let x = ["X": context.inputs[0].type.dtype]
    let columns = shape.values.count(shape.channels)
    let parts = shape.parts(context.device)
    let rows = SumParts(length: shape.places, size: context.device.isCPU ? 128 : 16)
    return [
      context.columns(
        "norm/group_norm_sums.comp", columns: columns, parts: shape.samples * parts.count,
        values: shape.values, storage: x,
        parameters: parameters(context, shape, shape.values, parts)),
      context.grouped(
        "norm/group_norm_statistics.comp", groups: shape.samples * groups, lanes: 64, storage: x,
        parameters: parameters(context, shape, .single, parts)),
      context.columns(
        "norm/group_norm_apply.comp", columns: columns, parts: shape.samples * rows.count,
        values: shape.values, storage: storage(context),
        defines: ["ACTIVATION": activation.macro],
        parameters: parameters(context, shape, shape.values, rows)),
    ]
  }

  private func storage(_ context: LoweringContext) -> [String: DType] {
    ["X": context.inputs[0].type.dtype, "W": context.inputs[1].type.dtype]
  }

  private func parameters(
    _ context: LoweringContext, _ shape: GroupShape, _ values: Values,
    _ parts: SumParts = SumParts(length: 1, size: 1)
  ) -> GroupNormParameters {
    GroupNormParameters(
      x: context.inputs[0].address, weight: context.inputs[1].address,
      bias: context.inputs[2].address, y: context.outputs[0].address,
      mean: context.outputs[1].address, rstd: context.outputs[2].address,
      sums: context.workspace, samples: UInt32(shape.samples), places: UInt32(shape.places),
      groups: UInt32(groups), width: UInt32(values.count(shape.width)),
      parts: UInt32(parts.count), placesOfPart: UInt32(parts.size), epsilon: Float(epsilon))
  }
}

extension GroupNormGradient: VulkanOperation {
  public func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int {
    let shape = GroupShape(inputs[0], groups: groups)
    let parts = shape.parts(device)
    return shape.sumsByteCount(parts.count) + (parts.count > 1 ? shape.sumsByteCount(1) : 0)
  }

  /// Sums for each sample, part and channel; their sums over parts; dx from those over a group,
  /// dweight and dbias from those over samples.
  public func launches(_ context: LoweringContext) -> [Launch] {
    let shape = GroupShape(context.inputs[0].type, groups: groups)
    let parts = shape.parts(context.device)
    var launches = [
      columns(context, "norm/group_norm_gradient_sums.comp", shape, sums: context.workspace)
    ]
    var totals = context.workspace
    if parts.count > 1 {
      totals += UInt64(shape.sumsByteCount(parts.count))
      launches.append(shape.total(context, parts, to: totals))
    }
    launches.append(columns(context, "norm/group_norm_gradient.comp", shape, sums: totals))
    return launches
  }

  private func columns(
    _ context: LoweringContext, _ path: String, _ shape: GroupShape, sums: UInt64
  ) -> Launch {
    let parts = shape.parts(context.device)
    var parameters = GroupNormGradientParameters()
    parameters.x = context.inputs[0].address
    parameters.weight = context.inputs[1].address
    parameters.bias = context.inputs[2].address
    parameters.mean = context.inputs[3].address
    parameters.rstd = context.inputs[4].address
    parameters.dy = context.inputs[5].address
    parameters.dx = context.outputs[0].address
    parameters.sums = sums
    parameters.samples = UInt32(shape.samples)
    parameters.places = UInt32(shape.places)
    parameters.groups = UInt32(groups)
    parameters.width = UInt32(shape.values.count(shape.width))
    parameters.parts = UInt32(parts.count)
    parameters.placesOfPart = UInt32(parts.size)
    var defines = ["ACTIVATION": activation.macro]
    if hasParameterGradients {
      parameters.dweight = context.outputs[1].address
      parameters.dbias = context.outputs[2].address
      defines["HAS_PARAMETERS"] = "1"
    }
    var storage = [
      "X": context.inputs[0].type.dtype, "W": context.inputs[1].type.dtype,
      "DY": context.inputs[5].type.dtype,
    ]
    if hasResidual {
      parameters.residual = context.inputs[6].address
      storage["RESIDUAL"] = context.inputs[6].type.dtype
      defines["HAS_RESIDUAL"] = "1"
    }
    return context.columns(
      path, columns: shape.values.count(shape.channels), parts: shape.samples * parts.count,
      values: shape.values, storage: storage, defines: defines, parameters: parameters)
  }
}

/// Sizes of a tensor [samples, places, channels] in groups of channels.
private struct GroupShape {
  let samples: Int
  let places: Int
  let channels: Int
  let width: Int

  init(_ x: TensorType, groups: Int) {
    samples = x.shape[0]
    channels = x.lastDimension
    places = x.shape[1..<(x.rank - 1)].reduce(1, *)
    width = channels / groups
  }

  /// No Value spans two groups.
  var values: Values { .dividing(width) }

  func parts(_ device: DeviceTraits) -> SumParts {
    .rows(places, columns: channels, values: values, outer: samples, device: device)
  }

  var elementCount: Int { samples * places * channels }

  /// Bytes of two sums for each sample, part and channel.
  func sumsByteCount(_ parts: Int) -> Int {
    scratchByteCount(samples * parts * channels * 8)
  }

  /// Sums over the parts of each sample, in order.
  func total(_ context: LoweringContext, _ parts: SumParts, to totals: UInt64) -> Launch {
    let pass = SumPass(
      outer: samples, rows: parts.count, columns: 2 * channels,
      parts: SumParts(length: parts.count, size: parts.count))
    return pass.launch(
      context,
      x: Binding(
        type: TensorType([samples, parts.count, 2 * channels]), address: context.workspace),
      y: Binding(type: TensorType([samples, 2 * channels]), address: totals))
  }
}
