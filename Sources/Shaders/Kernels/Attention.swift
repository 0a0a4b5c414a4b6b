import CKernelParameters
import Graph

extension Attention: VulkanOperation {
  public func launches(_ context: LoweringContext) -> [Launch] {
    let (q, k, v) = (context.inputs[0], context.inputs[1], context.inputs[2])
    let shape = AttentionShape(q.type, k.type, heads: heads)
    return [
      shape.launch(
        "attention/attention.comp", rows: shape.queries, isCausal: isCausal, context,
        AttentionParameters(
          q: q.address, k: k.address, v: v.address, o: context.outputs[0].address,
          logSumExp: context.outputs[1].address, samples: UInt32(shape.samples),
          heads: UInt32(heads), queries: UInt32(shape.queries), keys: UInt32(shape.keys),
          scale: shape.scale))
    ]
  }
}

extension AttentionGradient: VulkanOperation {
  /// delta, f32 [N, heads, T].
  public func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int { inputs[4].byteCount }

  public func launches(_ context: LoweringContext) -> [Launch] {
    let given = context.inputs
    let shape = AttentionShape(given[0].type, given[1].type, heads: heads)
    let delta = context.elementwise(
      "attention/attention_delta.comp", count: shape.samples * heads * shape.queries,
      storage: ["X": given[0].type.dtype],
      parameters: AttentionDeltaParameters(
        o: given[3].address, dO: given[5].address,
        dLogSumExp: hasLogSumExpGradient ? given[6].address : 0, delta: context.workspace,
        samples: UInt32(shape.samples), heads: UInt32(heads), queries: UInt32(shape.queries),
        width: UInt32(shape.width)))
    let parameters = { (first: Binding, second: Binding?) in
      AttentionGradientParameters(
        q: given[0].address, k: given[1].address, v: given[2].address, dO: given[5].address,
        logSumExp: given[4].address, delta: context.workspace, first: first.address,
        second: second?.address ?? 0, samples: UInt32(shape.samples), heads: UInt32(self.heads),
        queries: UInt32(shape.queries), keys: UInt32(shape.keys), scale: shape.scale)
    }
    let (dq, dk, dv) = (context.outputs[0], context.outputs[1], context.outputs[2])
    return [
      delta,
      shape.launch(
        "attention/attention_query_gradient.comp", rows: shape.queries, isCausal: isCausal,
        context, parameters(dq, nil)),
      shape.launch(
        "attention/attention_key_gradient.comp", rows: shape.keys, isCausal: isCausal, context,
        parameters(dk, dv)),
    ]
  }
}

/// Sizes of an attention and how its kernels cover them.
private struct AttentionShape {
  let samples: Int
  let queries: Int
  let keys: Int
  let heads: Int
  let width: Int

  init(_ q: TensorType, _ k: TensorType, heads: Int) {
    (samples, queries, keys) = (q.shape[0], q.shape[1], k.shape[1])
    self.heads = heads
    width = q.shape[2] / heads
  }

  var scale: Float { 1 / Float(width).squareRoot() }

  /// Widest head whose row is held in registers.
  private static let narrowWidth = 128

  /// A launch with one invocation for each of `rows` rows of every head.
  func launch<Parameters: BitwiseCopyable>(
    _ path: String, rows: Int, isCausal: Bool, _ context: LoweringContext,
    _ parameters: Parameters
  ) -> Launch {
    let device = context.device
    let lanes = device.isCPU ? device.subgroupSize : 64
    let isWide = width > Self.narrowWidth
    // A wide head is summed in parts, each of which computes the scores again.
    let chunk = isWide ? [64, 32, 16, 8, 4].first { width % $0 == 0 } ?? 4 : width
    var defines = [
      "STORAGE_X": context.inputs[0].type.dtype.storageMacro, "WIDTH": "\(width)u",
      "CHUNK": "\(chunk)u", "WIDE": isWide ? "1" : "0", "CAUSAL": isCausal ? "true" : "false",
    ]
    let sharesLoads = device.isCPU && !isWide && width % (2 * lanes) == 0
    if sharesLoads { defines["LANES"] = "\(lanes)u" }
    let blocks = (rows + lanes - 1) / lanes
    return Launch(
      ShaderVariant(
        path, defines: defines, constants: [0: UInt32(lanes)],
        subgroupSize: sharesLoads ? lanes : nil),
      groups: foldedGroups(samples * heads * blocks * (width / chunk)), parameters: parameters)
  }
}
