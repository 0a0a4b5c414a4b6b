import Graph
import VKRuntime

/// A plan lowered to launches, recorded once for each step block and replayed.
final class VulkanProgram: Program {
  let plan: Plan
  private let store: VulkanStore
  private var blocks: [StepBlock] = []
  private var runCount = 0

  /// Runs that may be in flight: one executes while the host prepares the next.
  static let blockCount = 2

  init(_ plan: Plan, store: VulkanStore) throws {
    self.plan = plan
    self.store = store
    blocks = try (0..<Self.blockCount).map { index in
      try StepBlock(plan, backend: store.backend, index: index)
    }
    try record()
  }

  // Kernels reach arenas by address alone: nothing else keeps them while a run is in flight, however
  // long it takes. A lost device is done with them too.
  deinit { try? store.backend.device.waitIdle() }

  var stepBlockByteCount: Int { blocks.reduce(0) { $0 + $1.byteCount } }

  /// Number of kernel launches of one run.
  private(set) var launchCount = 0

  /// Records the launches anew, after transient memory has moved.
  func record() throws {
    for block in blocks {
      try block.finish()
      let launches = try launches(for: block)
      let pipelines = try store.backend.pipelines(for: launches.flatMap(\.self))
      launchCount = pipelines.count
      try block.record(
        launches, pipelines, outputs: plan.outputs.map { arena(of: $0.value, block) })
    }
  }

  func submit(_ inputs: [String: TensorData]) throws -> any PendingRun {
    let block = blocks[runCount % blocks.count]
    runCount += 1
    try block.finish()
    try store.flushWrites()
    return try block.start(inputs, on: store.timeline)
  }

  /// The launches of each step of the plan.
  private func launches(for block: StepBlock) throws -> [[Launch]] {
    plan.steps.map { step in
      let workspace = step.workspace.map { scratch in
        let place = store.transient(scratch.offset)
        return place.arena.deviceAddress + place.offset
      }
      let context = LoweringContext(
        inputs: step.inputs.map { binding($0, block) },
        outputs: step.outputs.map { binding($0, block) },
        workspace: workspace ?? 0, device: store.backend.traits)
      return store.backend.kernel(step.operation).launches(context)
    }
  }

  private func binding(_ placed: Plan.Placed, _ block: StepBlock) -> Binding {
    let place = arena(of: placed, block)
    return Binding(type: placed.type, address: place.arena.deviceAddress + place.offset)
  }

  private func arena(
    of placed: Plan.Placed, _ block: StepBlock
  ) -> (arena: Arena, offset: UInt64) {
    switch placed.location {
    case .transient(let offset): store.transient(offset)
    case .variable(let index): store.variable(plan.variables[index].name)
    case .input(let index): (block.inputs, UInt64(block.inputOffsets[index]))
    }
  }
}

/// What one run in flight has for itself: inputs written by the host, outputs read by it, and the
/// commands that refer to them, cut into submissions by measured time (decision 8 of the design).
final class StepBlock {
  let inputOffsets: [Int]
  /// Where kernels read the inputs: the upload arena itself on unified memory.
  let inputs: Arena
  private let plan: Plan
  private let device: Device
  private let upload: Arena
  private let readback: Arena
  private let outputOffsets: [Int]
  private var program: SegmentedProgram?
  private var pending: VulkanRun?
  private let name: String

  init(_ plan: Plan, backend: VulkanBackend, index: Int) throws {
    self.plan = plan
    device = backend.device
    name = "step block \(index)"
    let limits = backend.planningLimits
    let (inputOffsets, inputBytes) = Self.pack(plan.inputs.map(\.type), limits)
    let (outputOffsets, outputBytes) = Self.pack(plan.outputs.map(\.value.type), limits)
    (self.inputOffsets, self.outputOffsets) = (inputOffsets, outputOffsets)
    upload = try Arena(device, kind: .upload, byteCount: UInt64(inputBytes), name: "\(name) inputs")
    inputs =
      device.limits.isUnifiedMemory
      ? upload
      : try Arena(
        device, kind: .device, byteCount: UInt64(inputBytes), name: "\(name) device inputs")
    readback = try Arena(
      device, kind: .readback, byteCount: UInt64(outputBytes), name: "\(name) outputs")
  }

  var byteCount: Int {
    let copies = inputs === upload ? 0 : Int(inputs.byteCount)
    return Int(upload.byteCount) + Int(readback.byteCount) + copies
  }

  /// What a step block of a plan takes, before it is allocated.
  static func byteCount(_ plan: Plan, _ backend: VulkanBackend) -> Int {
    let (_, inputs) = pack(plan.inputs.map(\.type), backend.planningLimits)
    let (_, outputs) = pack(plan.outputs.map(\.value.type), backend.planningLimits)
    return inputs * (backend.device.limits.isUnifiedMemory ? 1 : 2) + outputs
  }

  private static func pack(
    _ types: [TensorType], _ limits: PlanningLimits
  ) -> (offsets: [Int], byteCount: Int) {
    var offsets: [Int] = []
    var end = 0
    for type in types {
      offsets.append(end)
      end += limits.rounded(type.byteCount)
    }
    return (offsets, max(end, limits.alignment))
  }

  /// Records the plan's launches, uploading inputs before them and reading outputs back after.
  func record(
    _ steps: [[Launch]], _ pipelines: [Pipeline], outputs: [(arena: Arena, offset: UInt64)]
  ) throws {
    var segments: [SegmentLaunch] = inputs === upload ? [] : [uploading()]
    var next = 0
    for (step, launches) in zip(plan.steps, steps) {
      let flops = step.operation.flopCount(
        step.inputs.map(\.type), outputs: step.outputs.map(\.type))
      for launch in launches {
        segments.append(
          dispatching(launch, pipelines[next], cost: Double(flops) / Double(launches.count)))
        next += 1
      }
    }
    segments.append(readingBack(outputs))
    program = try SegmentedProgram(device, name: name, launches: segments)
  }

  private func uploading() -> SegmentLaunch {
    SegmentLaunch(name: "inputs", cost: 1) { [upload, inputs] stream in
      stream.copy(from: upload, offset: 0, to: inputs, offset: 0, byteCount: upload.byteCount)
      stream.barrier()
    }
  }

  private func dispatching(_ launch: Launch, _ pipeline: Pipeline, cost: Double) -> SegmentLaunch {
    SegmentLaunch(name: launch.shader.path, cost: cost) { stream in
      launch.parameters.withUnsafeBytes {
        stream.dispatch(
          pipeline, groups: Groups(launch.groups.x, launch.groups.y, launch.groups.z),
          parameterBytes: $0)
      }
      stream.barrier()
    }
  }

  private func readingBack(_ outputs: [(arena: Arena, offset: UInt64)]) -> SegmentLaunch {
    SegmentLaunch(name: "outputs", cost: 1) { [plan, readback, outputOffsets] stream in
      for (output, (offset, value)) in zip(outputs, zip(outputOffsets, plan.outputs)) {
        stream.copy(
          from: output.arena, offset: output.offset, to: readback, offset: UInt64(offset),
          byteCount: UInt64(value.value.type.byteCount))
      }
    }
  }

  func start(_ data: [String: TensorData], on timeline: Timeline) throws -> VulkanRun {
    for (input, offset) in zip(plan.inputs, inputOffsets) {
      guard let value = data[input.name], value.type == input.type else {
        preconditionFailure(
          "input \(input.name) is a \(input.type), not a "
            + (data[input.name]?.type.description ?? "missing tensor"))
      }
      value.bytes.withUnsafeBytes { upload.write($0, at: UInt64(offset)) }
    }
    guard let program else { preconditionFailure("\(name) is started before it is recorded") }
    let value = try program.submit(on: timeline)
    let run = VulkanRun(timeline: timeline, value: value) { [readback, plan, outputOffsets] in
      let outputs = zip(plan.outputs, outputOffsets).map { output, offset in
        let count = output.value.type.byteCount
        let bytes = readback.read(UInt8.self, count: count, at: UInt64(offset))
        return (output.name, TensorData(output.value.type, bytes: bytes))
      }
      return Dictionary(uniqueKeysWithValues: outputs)
    }
    pending = run
    return run
  }

  /// Waits for the block's run, if any, and keeps its outputs before the block is used again.
  func finish() throws {
    if let pending { _ = try pending.wait() }
    pending = nil
  }
}

/// A run in flight on a Vulkan device.
final class VulkanRun: PendingRun {
  private let timeline: Timeline
  private let value: UInt64
  private let collect: () -> [String: TensorData]
  private var outputs: [String: TensorData]?

  init(timeline: Timeline, value: UInt64, collect: @escaping () -> [String: TensorData]) {
    self.timeline = timeline
    self.value = value
    self.collect = collect
  }

  func wait() throws -> [String: TensorData] {
    if let outputs { return outputs }
    try timeline.wait(for: value)
    let collected = collect()
    outputs = collected
    return collected
  }
}
