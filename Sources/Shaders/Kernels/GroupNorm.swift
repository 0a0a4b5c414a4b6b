import CKernelParameters
import Graph

extension GroupNorm: VulkanOperation {
  public func launches(_ context: LoweringContext) -> [Launch] {
    let x = context.inputs[0]
    let shape = GroupShape(x.type, groups: groups)
    return [
      context.grouped(
        "norm/group_norm.comp", groups: shape.samples * groups,
        storage: ["X": x.type.dtype, "W": context.inputs[1].type.dtype],
        defines: ["ACTIVATION": activation.macro],
        parameters: GroupNormParameters(
          x: x.address, weight: context.inputs[1].address, bias: context.inputs[2].address,
          y: context.outputs[0].address, mean: context.outputs[1].address,
          rstd: context.outputs[2].address, samples: UInt32(shape.samples),
          places: UInt32(shape.places), groups: UInt32(groups), width: UInt32(shape.width),
          epsilon: Float(epsilon)))
    ]
  }
}

extension GroupNormGradient: VulkanOperation {
  public func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int {
    let shape = GroupShape(inputs[0], groups: groups)
    let parts = SumParts.rows(shape.places, device: device)
    return shape.sumsByteCount(parts.count) + (parts.count > 1 ? shape.sumsByteCount(1) : 0)
  }

  /// Sums for each sample, part and channel; their sums over parts; dx from those over a group;
  /// dweight and dbias from those over samples.
  public func launches(_ context: LoweringContext) -> [Launch] {
    let shape = GroupShape(context.inputs[0].type, groups: groups)
    let parts = SumParts.rows(shape.places, device: context.device)
    var launches = [
      columns(context, "norm/group_norm_gradient_sums.comp", shape, sums: context.workspace)
    ]
    var totals = context.workspace
    if parts.count > 1 {
      totals += UInt64(shape.sumsByteCount(parts.count))
      launches.append(shape.total(context, parts, to: totals))
    }
    launches.append(columns(context, "norm/group_norm_gradient.comp", shape, sums: totals))
    if hasParameterGradients {
      launches.append(
        context.normParameterGradient(sums: totals, rows: shape.samples, width: shape.channels))
    }
    return launches
  }

  private func columns(
    _ context: LoweringContext, _ path: String, _ shape: GroupShape, sums: UInt64
  ) -> Launch {
    let parts = SumParts.rows(shape.places, device: context.device)
    return context.columns(
      path, columns: shape.channels, parts: shape.samples * parts.count,
      storage: [
        "X": context.inputs[0].type.dtype, "W": context.inputs[1].type.dtype,
        "DY": context.inputs[5].type.dtype,
      ],
      defines: ["ACTIVATION": activation.macro],
      parameters: GroupNormGradientParameters(
        x: context.inputs[0].address, weight: context.inputs[1].address,
        bias: context.inputs[2].address, mean: context.inputs[3].address,
        rstd: context.inputs[4].address, dy: context.inputs[5].address,
        dx: context.outputs[0].address, sums: sums, samples: UInt32(shape.samples),
        places: UInt32(shape.places), groups: UInt32(groups), width: UInt32(shape.width),
        parts: UInt32(parts.count), placesOfPart: UInt32(parts.size)))
  }
}

extension LoweringContext {
  /// dweight and dbias, outputs 1 and 2, from sums [rows, width, 2].
  func normParameterGradient(sums: UInt64, rows: Int, width: Int) -> Launch {
    columns(
      "norm/norm_parameter_gradient.comp", columns: width, parts: 1,
      storage: ["W": outputs[1].type.dtype],
      parameters: NormParameterGradientParameters(
        sums: sums, dweight: outputs[1].address, dbias: outputs[2].address, rows: UInt32(rows),
        channels: UInt32(width)))
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

  /// Bytes of two sums for each sample, part and channel.
  func sumsByteCount(_ parts: Int) -> Int {
    (samples * parts * channels * 8 + 255) / 256 * 256
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
