import CKernelParameters
import Graph

extension AttentionGradient: SelectableOperation {
  public func selection(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> KernelSelection? {
    AttentionShape(inputs, heads: heads, isCausal: isCausal, device).selection(
      "attention_gradient", subgroupTiles: [(8, 2), (16, 1)], .keyGradient)
  }

  private func choice(_ inputs: [TensorType], _ device: DeviceTraits) -> KernelChoice? {
    selection(inputs: inputs, outputs: [], device: device).map(device.choices.choice)
  }

  /// delta, then the sums in progress of dq, and later of dk and dv, where the kernels keep them in
  /// memory and the results cannot hold them.
  public func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int {
    if choice(inputs, device)?.code != .register { return deltaByteCount(inputs[4]) }
    let querySums = inputs[0].dtype == .f32 ? 0 : inputs[0].elementCount * 4
    let keySums = inputs[1].dtype == .f32 ? 0 : inputs[1].elementCount * 8
    return deltaByteCount(inputs[4]) + max(querySums, keySums)
  }

  private func deltaByteCount(_ logSumExp: TensorType) -> Int {
    scratchByteCount(logSumExp.byteCount)
  }

  public func launches(_ context: LoweringContext) -> [Launch] {
    let (inputs, outputs) = (context.inputs, context.outputs)
    let types = inputs.map(\.type)
    let shape = AttentionShape(types, heads: heads, isCausal: isCausal, context.device)
    var parameters = shape.parameters(q: inputs[0], k: inputs[1], v: inputs[2])
    parameters.o = inputs[3].address
    parameters.logSumExp = inputs[4].address
    parameters.dO = inputs[5].address
    parameters.dLogSumExp = hasLogSumExpGradient ? inputs[6].address : 0
    parameters.delta = context.workspace
    parameters.dq = outputs[0].address
    parameters.dk = outputs[1].address
    parameters.dv = outputs[2].address
    let scratch = context.workspace + UInt64(deltaByteCount(inputs[4].type))
    parameters.sums = inputs[0].type.dtype == .f32 ? parameters.dq : scratch
    var keyParameters = parameters
    let isKeyF32 = inputs[1].type.dtype == .f32
    keyParameters.sums = isKeyF32 ? parameters.dk : scratch
    keyParameters.sums2 =
      isKeyF32 ? parameters.dv : scratch + UInt64(inputs[1].type.elementCount * 4)
    let choice = choice(types, context.device)
    return [
      shape.launch(
        "attention/attention_delta", rows: shape.sizes.t, nil, .queryGradient, parameters),
      shape.launch(
        "attention/attention_query_gradient", rows: shape.sizes.t, choice, .queryGradient,
        parameters),
      shape.launch(
        "attention/attention_key_gradient", rows: shape.sizes.s, choice, .keyGradient, keyParameters
      ),
    ]
  }
}
