import Graph
import VKRuntime

/// An operation with memory of its own, to be timed alone by the device's clock.
public final class TimedOperation {
  public let operation: any VulkanOperation
  public let inputs: [TensorType]
  public let outputs: [TensorType]
  public let launches: [Launch]
  /// The kernel among several that computes it; nil where there is one only.
  public let choice: KernelChoice?
  private let backend: VulkanBackend
  private let pipelines: [Pipeline]
  private let arenas: [Arena]
  private let workspace: Arena?

  /// - Parameters:
  ///   - inputs: filled with normal noise, whole numbers with zeros
  ///   - constants: values of all elements of inputs that cannot be noise, by index
  ///   - variant: how the operation is lowered
  /// - Throws: `VulkanError`; `ShapeError` when the inputs do not fit the operation.
  public init(
    _ operation: any VulkanOperation, inputs: [TensorType], constants: [Int: Double] = [:],
    variant: KernelVariant = KernelVariant(), on backend: VulkanBackend
  ) throws {
    self.operation = operation
    self.inputs = inputs
    self.backend = backend
    let traits = variant.traits(backend.traits)
    outputs = try operation.outputTypes(inputs)
    choice = (operation as? any SelectableOperation)?
      .selection(inputs: inputs, outputs: outputs, device: traits)
      .map(traits.choices.choice)
    let workspaceByteCount = operation.workspaceByteCount(
      inputs: inputs, outputs: outputs, device: traits)
    let limits = backend.planningLimits
    func arena(_ byteCount: Int, _ name: String) throws -> Arena {
      try Arena(
        backend.device, kind: .device, byteCount: UInt64(limits.rounded(byteCount)), name: name)
    }
    let inputArenas = try inputs.map { try arena($0.byteCount, "timed input") }
    let outputArenas = try outputs.map { try arena($0.byteCount, "timed output") }
    workspace = try workspaceByteCount > 0 ? arena(workspaceByteCount, "timed scratch") : nil
    arenas = inputArenas + outputArenas
    func bindings(_ types: [TensorType], _ arenas: [Arena]) -> [Binding] {
      zip(types, arenas).map { Binding(type: $0, address: $1.deviceAddress) }
    }
    launches = operation.launches(
      LoweringContext(
        inputs: bindings(inputs, inputArenas), outputs: bindings(outputs, outputArenas),
        workspace: workspace?.deviceAddress ?? 0, device: traits))
    pipelines = try backend.pipelines(for: launches, keeps: false)
    try Self.fill(inputArenas, inputs, constants, backend)
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
    for (launch, pipeline) in zip(launches, pipelines) {
      if let table = launch.table, let workspace {
        table.write(to: workspace, workspace: 0, on: stream)
        stream.barrier()
      }
      launch.parameters.withUnsafeBytes {
        stream.dispatch(
          pipeline, groups: Groups(launch.groups.x, launch.groups.y, launch.groups.z),
          parameterBytes: $0)
      }
      stream.barrier()
    }
  }

  /// Shortest seconds of a few runs, after one that compiles and warms up: what else the machine does
  /// only adds to them.
  ///
  /// - Parameter limit: seconds above which one run is enough to tell
  func shortestSeconds(unlessAbove limit: Double) throws -> Double {
    _ = try seconds(runs: 1)
    let first = try seconds(runs: 1)[0]
    if first > limit { return first }
    let runs = max(2, min(20, Int(0.01 / max(first, 1e-6))))
    return try seconds(runs: runs).reduce(first, min)
  }

  /// Median seconds of a run, after one run that compiles and warms up.
  ///
  /// - Parameter minimum: seconds to measure for, unless one run takes as long
  public func medianSeconds(minimum: Double = 0.05) throws -> Double {
    _ = try seconds(runs: 1)
    let first = try seconds(runs: 1)[0]
    let runs = max(2, min(50, Int(minimum / max(first, 1e-6))))
    let times = try first < minimum ? seconds(runs: runs) + [first] : [first]
    return times.sorted()[times.count / 2]
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
    var state: UInt64 = 1
    let values = (0..<65_536).map { _ -> Double in
      if let constant { return constant }
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let parts = (0..<4).map { Double((state >> (16 * $0)) & 0xffff) / 65_536 }
      return (parts.reduce(0, +) - 2) * 3.0.squareRoot()
    }
    return TensorData(TensorType([values.count], dtype), doubles: values).bytes
  }
}
