import Graph
import Synchronization
import VKRuntime

/// An operation with memory of its own, to be timed alone by the device's clock.
public final class TimedOperation {
  public let operation: any VulkanOperation
  public let launches: [Launch]
  /// The kernel among several that computes it; nil where there is one only.
  public let choice: KernelChoice?
  private let memory: TimedMemory
  private let pipelines: [Pipeline]
  private let workspace: Arena?

  public var inputs: [TensorType] { memory.inputs }
  public var outputs: [TensorType] { memory.outputs }
  private var backend: VulkanBackend { memory.backend }

  /// - Parameters:
  ///   - inputs: filled with normal noise, whole numbers with zeros
  ///   - constants: values of all elements of inputs that cannot be noise, by index
  /// - Throws: `VulkanError`; `ShapeError` when the inputs do not fit the operation.
  public convenience init(
    _ operation: any VulkanOperation, inputs: [TensorType], constants: [Int: Double] = [:],
    on backend: VulkanBackend
  ) throws {
    let memory = try TimedMemory(operation, inputs: inputs, constants: constants, on: backend)
    try self.init(operation, memory)
  }

  /// - Parameters:
  ///   - memory: made for the operation
  ///   - variant: how the operation is lowered
  ///   - pipelines: of its launches, in their order; nil compiles them
  /// - Throws: `VulkanError`
  init(
    _ operation: any VulkanOperation, _ memory: TimedMemory,
    variant: KernelVariant = KernelVariant(), pipelines: [Pipeline]? = nil
  ) throws {
    self.operation = operation
    self.memory = memory
    let backend = memory.backend
    let traits = variant.traits(backend.traits)
    choice = (operation as? any SelectableOperation)?
      .selection(inputs: memory.inputs, outputs: memory.outputs, device: traits)
      .map(traits.choices.choice)
    let workspaceByteCount = operation.workspaceByteCount(
      inputs: memory.inputs, outputs: memory.outputs, device: traits)
    try memory.reserveScratch(workspaceByteCount)
    workspace = memory.scratch
    launches = operation.launches(
      LoweringContext(
        inputs: memory.inputBindings, outputs: memory.outputBindings,
        workspace: workspace?.deviceAddress ?? 0, device: traits))
    self.pipelines = try pipelines ?? backend.pipelines(for: launches, keeps: false)
    precondition(self.pipelines.count == launches.count, "a pipeline for each launch")
  }

  deinit { try? backend.device.waitIdle() }

  /// Seconds of each of several runs one after another.
  /// - Parameter repeats: repetitions between two readings of the clock, whose mean is a run's time
  public func seconds(runs: Int, repeats: Int = 1) throws -> [Double] {
    let pool = try TimestampPool(backend.device, count: runs + 1, name: "timed operation")
    let stream = try CommandStream(backend.device, name: "timed operation")
    stream.reset(pool)
    stream.writeTimestamp(into: pool, slot: 0)
    for run in 1...runs {
      for _ in 0..<repeats { record(on: stream) }
      stream.writeTimestamp(into: pool, slot: run)
    }
    try stream.end()
    let timeline = try Timeline(backend.device, name: "timed operation")
    try timeline.wait(for: timeline.submit([stream]))
    return try (0..<runs).map { run in
      try pool.seconds(from: run, to: run + 1).map { $0 / Double(repeats) } ?? .infinity
    }
  }

  private func record(on stream: CommandStream) {
    for (index, (launch, pipeline)) in zip(launches, pipelines).enumerated() {
      if index > 0, launch.waits { stream.barrier() }
      if let table = launch.table, let workspace {
        table.write(to: workspace, workspace: 0, on: stream)
        stream.barrier()
      }
      launch.parameters.withUnsafeBytes {
        stream.dispatch(
          pipeline, groups: Groups(launch.groups.x, launch.groups.y, launch.groups.z),
          parameterBytes: $0)
      }
    }
    stream.barrier()
  }

  /// Shortest seconds of runs for a few milliseconds, at least one: what else the machine does only adds
  /// to them.
  /// - Parameter expected: seconds of a run, about
  func shortestSeconds(expected: Double) throws -> Double {
    let runs = max(1, min(10, Int(0.002 / max(expected, 1e-6))))
    return try seconds(runs: runs).reduce(.infinity, min)
  }

  /// Runs again and again, for a GPU's clock to rise: after a pause of a tenth of a second (a compilation,
  /// say) an H200 computes at a fifth of its rate, and stays there while it has pauses of 10 ms.
  func warmUp(seconds wanted: Double) throws {
    if backend.traits.isCPU { return }
    let start = ContinuousClock.now
    var one = try seconds(runs: 1)[0]
    while (ContinuousClock.now - start) / .seconds(1) < wanted {
      one = try seconds(runs: max(1, min(200, Int(0.02 / max(one, 1e-6)))))[0]
    }
  }

  /// Median seconds of a run, after runs that compile and warm up.
  ///
  /// - Parameter minimum: seconds to measure for, unless one run takes as long
  public func medianSeconds(minimum: Double = 0.05) throws -> Double {
    _ = try seconds(runs: 1)
    try warmUp(seconds: minimum)
    let first = try seconds(runs: 1)[0]
    let runs = max(2, min(50, Int(minimum / max(first, 1e-6))))
    let times = try first < minimum ? seconds(runs: runs) + [first] : [first]
    return times.sorted()[times.count / 2]
  }
}

/// Inputs and outputs of an operation that is timed, shared by its variants.
final class TimedMemory {
  let inputs: [TensorType]
  let outputs: [TensorType]
  let inputBindings: [Binding]
  let outputBindings: [Binding]
  let backend: VulkanBackend
  private let arenas: [Arena]
  /// Of the launches, which run one variant after another; nil where none wants any.
  private(set) var scratch: Arena?

  /// - Throws: `VulkanError`; `ShapeError` when the inputs do not fit the operation.
  init(
    _ operation: any VulkanOperation, inputs: [TensorType], constants: [Int: Double] = [:],
    on backend: VulkanBackend
  ) throws {
    self.inputs = inputs
    self.backend = backend
    outputs = try operation.outputTypes(inputs)
    let inputArenas = try inputs.map { try backend.timedArena($0.byteCount, "timed input") }
    let outputArenas = try outputs.map { try backend.timedArena($0.byteCount, "timed output") }
    arenas = inputArenas + outputArenas
    func bindings(_ types: [TensorType], _ arenas: [Arena]) -> [Binding] {
      zip(types, arenas).map { Binding(type: $0, address: $1.deviceAddress) }
    }
    inputBindings = bindings(inputs, inputArenas)
    outputBindings = bindings(outputs, outputArenas)
    try Self.fill(inputArenas, inputs, constants, backend)
  }

  /// Scratch memory of at least so many bytes for what is timed from now on.
  func reserveScratch(_ byteCount: Int) throws {
    if byteCount > Int(scratch?.byteCount ?? 0) {
      scratch = try backend.timedArena(byteCount, "timed scratch")
    }
  }

  private static func fill(
    _ arenas: [Arena], _ types: [TensorType], _ constants: [Int: Double],
    _ backend: VulkanBackend
  ) throws {
    let stream = try CommandStream(backend.device, name: "noise")
    for (index, (arena, type)) in zip(arenas, types).enumerated() {
      guard type.dtype != .i32, type.dtype != .u8 else {
        stream.fill(arena, byteCount: arena.byteCount)
        continue
      }
      let bytes = Self.values(type.dtype, constant: constants[index])
      let source = try Arena(
        backend.device, kind: .upload, byteCount: UInt64(bytes.count), name: "noise")
      bytes.withUnsafeBytes { source.write($0) }
      for offset in stride(from: 0, to: Int(arena.byteCount), by: bytes.count) {
        stream.copy(
          from: source, offset: 0, to: arena, offset: UInt64(offset),
          byteCount: UInt64(min(bytes.count, Int(arena.byteCount) - offset)))
      }
    }
    try stream.end()
    let timeline = try Timeline(backend.device, name: "noise")
    try timeline.wait(for: timeline.submit([stream]))
  }

  /// A constant; or sums of four uniform numbers, with variance 1: what activations look like.
  private static func values(_ dtype: DType, constant: Double?) -> [UInt8] {
    let known = constant == nil ? noise.withLock { $0[dtype] } : nil
    if let known { return known }
    var state: UInt64 = 1
    let values = (0..<65_536).map { _ -> Double in
      if let constant { return constant }
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let parts = (0..<4).map { Double((state >> (16 * $0)) & 0xffff) / 65_536 }
      return (parts.reduce(0, +) - 2) * 3.0.squareRoot()
    }
    let bytes = TensorData(TensorType([values.count], dtype), doubles: values).bytes
    if constant == nil { noise.withLock { $0[dtype] = bytes } }
    return bytes
  }

  private static let noise = Mutex<[DType: [UInt8]]>([:])
}

extension VulkanBackend {
  /// Device memory for what is timed.
  fileprivate func timedArena(_ byteCount: Int, _ name: String) throws -> Arena {
    try Arena(
      device, kind: .device, byteCount: UInt64(planningLimits.rounded(byteCount)), name: name)
  }
}
