import Graph
import VKRuntime

/// Variables and shared transient memory on a Vulkan device.
final class VulkanStore: Store {
  let backend: VulkanBackend
  let timeline: Timeline
  private let variables: [String: (type: TensorType, arena: Int, offset: Int)]
  private let variableArenas: [Arena]
  /// The way to variables that the host cannot reach; nil where it can.
  private let staging: StagingRing?
  private(set) var transientArenas: [Arena] = []
  private var transientByteCount = 0
  private var programs: [WeakProgram] = []

  private struct WeakProgram { weak var program: VulkanProgram? }

  init(_ backend: VulkanBackend, _ list: [Variable]) throws {
    self.backend = backend
    let layout = try VariableLayout(list, limits: backend.planningLimits)
    variables = Dictionary(
      uniqueKeysWithValues: zip(list, layout.places).map {
        ($0.name, ($0.type, $1.arena, $1.offset))
      })
    let timeline = try Timeline(backend.device, name: "steps")
    self.timeline = timeline
    variableArenas = try layout.arenaByteCounts.enumerated().map { index, byteCount in
      try Arena(
        backend.device, kind: .device, byteCount: UInt64(byteCount), name: "variables \(index)")
    }
    let stagingByteCount = backend.stagingByteCount(list)
    staging =
      stagingByteCount > 0
      ? try StagingRing(backend.device, timeline: timeline, byteCount: stagingByteCount) : nil
    try clear(variableArenas)
  }

  var allocatedByteCount: Int {
    let arenas = (variableArenas + transientArenas).reduce(staging?.byteCount ?? 0) {
      $0 + Int($1.byteCount)
    }
    return programs.reduce(arenas) { $0 + ($1.program?.stepBlockByteCount ?? 0) }
  }

  func write(_ data: TensorData, to variable: String) throws {
    let place = place(of: variable)
    precondition(data.type == place.type, "\(variable) is a \(place.type), not a \(data.type)")
    let arena = variableArenas[place.arena]
    if let staging {
      try data.bytes.withUnsafeBytes { try staging.write($0, to: arena, at: UInt64(place.offset)) }
    } else {
      try waitIdle()
      data.bytes.withUnsafeBytes { arena.write($0, at: UInt64(place.offset)) }
    }
  }

  func read(_ variable: String) throws -> TensorData {
    let place = place(of: variable)
    let (arena, byteCount) = (variableArenas[place.arena], place.type.byteCount)
    if let staging {
      return TensorData(
        place.type,
        bytes: try staging.read(arena, at: UInt64(place.offset), byteCount: byteCount))
    }
    try waitIdle()
    return TensorData(
      place.type, bytes: arena.read(UInt8.self, count: byteCount, at: UInt64(place.offset)))
  }

  /// Sends what has been written on its way, before anything that may read it is submitted.
  func flushWrites() throws { try staging?.flush() }

  func load(_ plan: Plan) throws -> any Program {
    for variable in plan.variables {
      precondition(
        variables[variable.name]?.type == variable.type,
        "the store has no \(variable.name) of \(variable.type)")
    }
    try reserve(plan.transientByteCount)
    let program = try VulkanProgram(plan, store: self)
    programs.removeAll { $0.program == nil }
    programs.append(WeakProgram(program: program))
    return program
  }

  /// Arena, offset and address of a variable.
  func variable(_ name: String) -> (arena: Arena, offset: UInt64) {
    let place = place(of: name)
    return (variableArenas[place.arena], UInt64(place.offset))
  }

  /// Arena and offset in it of a planned transient offset.
  func transient(_ offset: Int) -> (arena: Arena, offset: UInt64) {
    let size = backend.planningLimits.arenaByteCount
    return (transientArenas[offset / size], UInt64(offset % size))
  }

  func waitIdle() throws { try timeline.wait(for: timeline.lastSubmittedValue) }

  /// Transient memory for a plan. Growing it moves it, and loaded programs are recorded again.
  private func reserve(_ byteCount: Int) throws {
    guard byteCount > transientByteCount else { return }
    try waitIdle()
    transientArenas = []
    transientByteCount = 0
    let size = backend.planningLimits.arenaByteCount
    transientArenas = try stride(from: 0, to: byteCount, by: size).enumerated().map {
      index, start in
      try Arena(
        backend.device, kind: .device, byteCount: UInt64(min(size, byteCount - start)),
        name: "transient \(index)")
    }
    transientByteCount = byteCount
    for weak in programs { try weak.program?.record() }
  }

  private func clear(_ arenas: [Arena]) throws {
    if arenas.isEmpty { return }
    let stream = try CommandStream(backend.device, name: "clear variables")
    for arena in arenas { stream.fill(arena, byteCount: arena.byteCount) }
    try stream.end()
    try timeline.wait(for: timeline.submit([stream]))
  }

  private func place(of variable: String) -> (type: TensorType, arena: Int, offset: Int) {
    guard let place = variables[variable] else {
      preconditionFailure("the store has no variable \(variable)")
    }
    return place
  }
}
