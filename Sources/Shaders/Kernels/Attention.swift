import CKernelParameters
import Graph

extension Attention: SelectableOperation {
  public func selection(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> KernelSelection? {
    AttentionShape(inputs, heads: heads, isCausal: isCausal, device).selection(
      "attention", subgroupTiles: [(16, 2), (8, 2)], .forward)
  }

  private func choice(_ inputs: [TensorType], _ device: DeviceTraits) -> KernelChoice? {
    selection(inputs: inputs, outputs: [], device: device).map(device.choices.choice)
  }

  /// The sums in progress, where the kernel keeps them in memory and the result cannot hold them.
  public func workspaceByteCount(
    inputs: [TensorType], outputs: [TensorType], device: DeviceTraits
  ) -> Int {
    let isInMemory = choice(inputs, device)?.code == .register
    return !isInMemory || inputs[0].dtype == .f32 ? 0 : inputs[0].elementCount * 4
  }

  public func launches(_ context: LoweringContext) -> [Launch] {
    let inputs = context.inputs
    let types = inputs.map(\.type)
    let shape = AttentionShape(types, heads: heads, isCausal: isCausal, context.device)
    var parameters = shape.parameters(q: inputs[0], k: inputs[1], v: inputs[2])
    parameters.o = context.outputs[0].address
    parameters.logSumExp = context.outputs[1].address
    parameters.sums = inputs[0].type.dtype == .f32 ? parameters.o : context.workspace
    return [
      shape.launch(
        "attention/attention", rows: shape.sizes.t, choice(types, context.device), .forward,
        parameters)
    ]
  }
}

/// What the kernels of attention and its gradient share: sizes, storage, rows of a tile.
struct AttentionShape {
  let sizes: AttentionSizes
  private let isCausal: Bool
  private let storage: (q: DType, k: DType)
  private let device: DeviceTraits

  /// - Parameter inputs: q, k and v first.
  init(_ inputs: [TensorType], heads: Int, isCausal: Bool, _ device: DeviceTraits) {
    sizes = AttentionSizes(checked: inputs, heads: heads)
    storage = (inputs[0].dtype, inputs[1].dtype)
    self.isCausal = isCausal
    self.device = device
  }

  /// Candidates: rows and, for each lane, others (see `attention.glsl` and
  /// `attention_subgroup.glsl`).
  func selection(
    _ name: String, subgroupTiles: [(Int, Int)], _ kernel: AttentionMatrixTile.Kernel
  ) -> KernelSelection {
    let lanes = device.subgroupSize
    var candidates = [KernelChoice(.register, laneRows(sizes.t), 8)]
    if device.isCPU && device.hasCheapBroadcast && sizes.d % (4 * lanes) == 0 && sizes.d <= 128 {
      candidates = subgroupTiles.map { KernelChoice(.subgroup, $0, $1) } + candidates
    }
    if let block {
      candidates.insert(KernelChoice(.shared, block.blockRows, 8 * block.others), at: 0)
    }
    if !isCausal, let tile = device.attentionTile(width: sizes.d, storage: storage, kernel) {
      candidates.insert(tile.choice, at: 0)
    }
    let classes = [sizes.n * sizes.heads, sizes.t, sizes.s].map { String(sizeClass($0)) }
    let causal = isCausal ? " causal" : ""
    return KernelSelection(
      key: "\(name) \(storage.q) \(storage.k) \(classes.joined(separator: "x")) "
        + "width\(sizes.d)\(causal)",
      candidates: candidates)
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

  /// The block of workgroups that meet in shared memory; nil where there is none.
  private var block: AttentionTile? {
    let tile = AttentionTile.standard(width: sizes.d)
    let byteCount = max(storage.q.byteCount, storage.k.byteCount)
    let needed = tile.sharedMemoryByteCount(width: sizes.d, storageByteCount: byteCount)
    let fits = needed <= device.sharedMemoryByteCount && tile.threads <= device.maxGroupInvocations
    return !device.isCPU && AttentionTile.canTake(width: sizes.d) && fits ? tile : nil
  }

  /// A launch of a kernel below `shaders/` that owns `rows` queries or keys; without a choice, or
  /// with `register`, each lane has rows of its own.
  func launch(
    _ shader: String, rows: Int, _ choice: KernelChoice?, _ kernel: AttentionMatrixTile.Kernel,
    _ parameters: AttentionParameters
  ) -> Launch {
    let copies = sizes.heads * sizes.n
    if choice?.code == .matrix,
      let tile = device.attentionTile(width: sizes.d, storage: storage, kernel)
    {
      return Launch(
        tile.variant(shader + "_matrix.comp", q: storage.q, k: storage.k),
        groups: foldedGroups(tile.groupCount(rows, copies: copies)), parameters: parameters)
    }
    if choice?.code == .shared, let block {
      return Launch(
        block.variant(shader + "_shared.comp", width: sizes.d, q: storage.q, k: storage.k),
        groups: foldedGroups(block.groupCount(rows, copies: copies)), parameters: parameters)
    }
    let lanes = device.subgroupSize
    var tile = KernelChoice(.register, laneRows(rows), 8)
    if let choice, choice.code == .subgroup { tile = choice }
    let isOfSubgroup = tile.code == .subgroup
    var defines = [
      "STORAGE_Q": storage.q.storageMacro, "STORAGE_K": storage.k.storageMacro,
      "ROWS": String(tile.rows), "OTHERS": String(tile.columns),
    ]
    if isOfSubgroup {
      defines["LANES"] = String(lanes)
      defines["WIDTH"] = String(sizes.d)
    }
    let blocks = ceilDivide(rows, isOfSubgroup ? tile.rows : lanes * tile.rows)
    return Launch(
      ShaderVariant(
        isOfSubgroup ? shader + "_subgroup.comp" : shader + ".comp", defines: defines,
        constants: [0: UInt32(lanes)], subgroupSize: isOfSubgroup ? lanes : nil),
      groups: foldedGroups(blocks * copies), parameters: parameters)
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
