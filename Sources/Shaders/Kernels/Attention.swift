import CKernelParameters
import Graph

extension Attention: VulkanOperation {
  /// The sums in progress, where the result cannot hold them.
  public func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int {
    inputs[0].dtype == .f32 ? 0 : inputs[0].elementCount * 4
  }

  public func launches(_ context: LoweringContext) -> [Launch] {
    let inputs = context.inputs
    let shape = AttentionShape(inputs, heads: heads, isCausal: isCausal, context.device)
    var parameters = shape.parameters(q: inputs[0], k: inputs[1], v: inputs[2])
    parameters.o = context.outputs[0].address
    parameters.logSumExp = context.outputs[1].address
    parameters.sums = inputs[0].type.dtype == .f32 ? parameters.o : context.workspace
    return [shape.launch("attention/attention.comp", rows: shape.sizes.t, parameters)]
  }
}

/// What the kernels of attention and its gradient share: sizes, storage, rows of an invocation.
struct AttentionShape {
  let sizes: AttentionSizes
  private let isCausal: Bool
  private let storage: (q: DType, k: DType)
  private let device: DeviceTraits

  /// - Parameter inputs: q, k and v first.
  init(_ inputs: [Binding], heads: Int, isCausal: Bool, _ device: DeviceTraits) {
    sizes = AttentionSizes(checked: inputs.map(\.type), heads: heads)
    storage = (inputs[0].type.dtype, inputs[1].type.dtype)
    self.isCausal = isCausal
    self.device = device
  }

  /// Addresses of results and scratch memory are filled in by the caller.
  func parameters(q: Binding, k: Binding, v: Binding) -> AttentionParameters {
    var parameters = AttentionParameters()
    parameters.q = q.address
    parameters.k = k.address
    parameters.v = v.address
    parameters.samples = UInt32(sizes.n)
    parameters.queries = UInt32(sizes.t)
    parameters.keys = UInt32(sizes.s)
    parameters.packedHeads = UInt32(sizes.heads) << 16 | UInt32(sizes.d)
    parameters.isCausal = isCausal ? 1 : 0
    parameters.scale = Float(sizes.scale)
    return parameters
  }

  /// A launch whose lanes run over `rows` queries or keys.
  func launch(_ path: String, rows: Int, _ parameters: AttentionParameters) -> Launch {
    let laneRows = laneRows(rows)
    let blocks = ceilDivide(rows, device.subgroupSize * laneRows)
    return Launch(
      ShaderVariant(
        path,
        defines: [
          "STORAGE_Q": storage.q.storageMacro, "STORAGE_K": storage.k.storageMacro,
          "ROWS": String(laneRows), "OTHERS": "8",
        ], constants: [0: UInt32(device.subgroupSize)]),
      groups: foldedGroups(blocks * sizes.heads * sizes.n), parameters: parameters)
  }

  /// Eight rows for an invocation, or two where eight would leave lanes or cores idle.
  private func laneRows(_ rows: Int) -> Int {
    let traits = CostTraits(device)
    let cost = { (laneRows: Int) -> Double in
      let groups = ceilDivide(rows, device.subgroupSize * laneRows) * sizes.heads * sizes.n
      return (Double(groups) / traits.groupsAtOnce).rounded(.up)
        * traits.cost(multiplies: 64 * laneRows, loads: 12 * laneRows + 64)
    }
    return cost(2) < cost(8) ? 2 : 8
  }
}
