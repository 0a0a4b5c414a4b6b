import Graph
import VKRuntime

/// A plan lowered to launches, recorded once and replayed, cut into submissions by measured time
/// (decision 8 of the design).
public final class VulkanProgram: Program {
  /// What it runs.
  public let plan: Plan
  /// Number of kernel launches of one run.
  public private(set) var launchCount = 0
  /// Barriers between them: launches between two of them may overlap.
  private(set) var barrierCount = 0
  let store: VulkanStore
  private let inputOffsets: [Int]
  private let outputOffsets: [Int]
  private var commands: SegmentedProgram?

  init(_ plan: Plan, store: VulkanStore) throws {
    self.plan = plan
    self.store = store
    let limits = store.backend.planningLimits
    inputOffsets = limits.packed(plan.inputs.map(\.type)).offsets
    outputOffsets = limits.packed(plan.outputs.map(\.value.type)).offsets
    try record()
  }

  // Kernels reach arenas by address alone: nothing else keeps them while a run is in flight, however
  // long it takes. A lost device is done with them too.
  deinit { try? store.backend.device.waitIdle() }

  /// Records the launches, at first and after memory has moved.
  func record() throws {
    let launches = try lowered()
    launchCount = launches.count
    barrierCount = launches.count(where: \.needsBarrier)
    var segments = launches.map { launch in
      SegmentLaunch(name: launch.launch.shader.path, cost: launch.cost) { stream in
        if launch.needsBarrier { stream.barrier() }
        launch.dispatch(on: stream)
      }
    }
    segments.append(leavingOutputs())
    commands = try SegmentedProgram(
      store.backend.device, name: "program", launches: segments)
  }

  /// Lets go of the recorded commands, and so of the memory that they name, until they are next run.
  func forget() { commands = nil }

  public func submit(_ inputs: [String: TensorData]) throws -> any PendingRun {
    if commands == nil { try record() }
    guard let commands else { preconditionFailure("a program is run before it is recorded") }
    let block = try fill(inputs)
    let value = try commands.submit(
      on: store.timeline, before: block.fetch, after: block.deliver)
    let outputs = zip(plan.outputs, outputOffsets).map { ($0.name, $0.value.type, $1) }
    return block.run(outputs, on: store.timeline, value: value)
  }

  /// The next run's step block with these inputs; everything else that the run needs is on its way.
  func fill(_ inputs: [String: TensorData]) throws -> StepBlock {
    let block = try store.blocks.next()
    for (input, offset) in zip(plan.inputs, inputOffsets) {
      guard let value = inputs[input.name], value.type == input.type else {
        preconditionFailure(
          "input \(input.name) is a \(input.type), not a "
            + (inputs[input.name]?.type.description ?? "missing tensor"))
      }
      block.write(value, at: offset)
    }
    try store.flushWrites()
    return block
  }

  /// Copies the outputs to the place that all programs share.
  private func leavingOutputs() -> SegmentLaunch {
    let target = store.blocks.outputs
    let places = plan.outputs.map { arena(of: $0.value) }
    return SegmentLaunch(name: "outputs", cost: 1) { [plan, outputOffsets] stream in
      stream.barrier()
      for (output, (offset, value)) in zip(places, zip(outputOffsets, plan.outputs)) {
        stream.copy(
          from: output.arena, offset: output.offset, to: target, offset: UInt64(offset),
          byteCount: UInt64(value.value.type.byteCount))
      }
    }
  }

  /// The plan's launches in order, each with its pipeline. Steps without a dependency may overlap;
  /// the launches of one step see each other's results where they wait.
  func lowered() throws -> [LoweredLaunch] {
    try store.restoreTransientMemory()
    let steps = plan.steps.map(launches)
    let pipelines = try store.backend.pipelines(for: steps.flatMap(\.self))
    let barriers = BarrierPlan(plan.accesses(store.backend.planningLimits)).isBefore
    var lowered: [LoweredLaunch] = []
    var needsBarrier = false
    for (index, launches) in steps.enumerated() {
      let step = plan.steps[index]
      let flops = step.operation.flopCount(
        step.inputs.map(\.type), outputs: step.outputs.map(\.type))
      needsBarrier = needsBarrier || barriers[index]
      for (place, launch) in launches.enumerated() {
        lowered.append(
          LoweredLaunch(
            step: index, launch: launch, pipeline: pipelines[lowered.count],
            workspace: step.workspace.map { store.transient($0.offset) },
            needsBarrier: place == 0 ? needsBarrier : launch.waits, operationFlopCount: flops,
            cost: Double(flops) / Double(launches.count)))
      }
      if !launches.isEmpty { needsBarrier = false }
    }
    return lowered
  }

  private func launches(_ step: Plan.Step) -> [Launch] {
    let workspace = step.workspace.map { scratch in
      let place = store.transient(scratch.offset)
      return place.arena.deviceAddress + place.offset
    }
    let context = LoweringContext(
      inputs: step.inputs.map(binding), outputs: step.outputs.map(binding),
      workspace: workspace ?? 0, device: store.backend.traits)
    return store.backend.kernel(step.operation).launches(context)
  }

  private func binding(_ placed: Plan.Placed) -> Binding {
    let place = arena(of: placed)
    return Binding(type: placed.type, address: place.arena.deviceAddress + place.offset)
  }

  private func arena(of placed: Plan.Placed) -> (arena: Arena, offset: UInt64) {
    switch placed.location {
    case .transient(let offset): store.transient(offset)
    case .variable(let index): store.variable(plan.variables[index].name)
    case .input(let index): (store.blocks.inputs, UInt64(inputOffsets[index]))
    }
  }
}

/// A launch with all that recording it takes.
struct LoweredLaunch {
  /// Index in the plan's steps.
  let step: Int
  let launch: Launch
  let pipeline: Pipeline
  /// The operation's scratch memory.
  let workspace: (arena: Arena, offset: UInt64)?
  /// Whether it must see the results of launches before it.
  let needsBarrier: Bool
  let operationFlopCount: Int
  /// Its share of the operation's work.
  let cost: Double

  func dispatch(on stream: CommandStream) {
    if let table = launch.table, let workspace {
      table.write(to: workspace.arena, workspace: workspace.offset, on: stream)
      stream.barrier()
    }
    launch.parameters.withUnsafeBytes {
      stream.dispatch(
        pipeline, groups: Groups(launch.groups.x, launch.groups.y, launch.groups.z),
        parameterBytes: $0)
    }
  }
}
