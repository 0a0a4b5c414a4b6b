import Graph
import VKRuntime

/// Variables on a Vulkan device, and the memory that the programs of a store share.
final class VulkanStore: Store {
  let backend: VulkanBackend
  let timeline: Timeline
  private let variables: [String: (type: TensorType, arena: Int, offset: Int)]
  private let variableArenas: [Arena]
  /// The way to variables that the host cannot reach; nil where it can.
  private let staging: StagingRing?
  private(set) var transientArenas: [Arena] = []
  private var stepBlocks: StepBlocks?
  private var demand: StoreDemand
  private var programs: [WeakProgram] = []

  private struct WeakProgram { weak var program: VulkanProgram? }

  init(_ backend: VulkanBackend, _ list: [Variable], runsInFlight: Int) throws {
    self.backend = backend
    demand = StoreDemand(runsInFlight: runsInFlight)
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
    let arenas = (variableArenas + transientArenas).reduce(0) { $0 + Int($1.byteCount) }
    return arenas + (staging?.byteCount ?? 0)
      + (stepBlocks.map { StepBlocks.byteCount($0.demand) } ?? 0)
  }

  func type(of variable: String) -> TensorType { place(of: variable).type }

  func write(
    to variable: String,
    fill: (_ bytes: Range<Int>, _ target: UnsafeMutableRawBufferPointer) throws -> Void
  ) throws {
    let place = place(of: variable)
    let (arena, byteCount) = (variableArenas[place.arena], place.type.byteCount)
    if let staging {
      try staging.write(byteCount: byteCount, to: arena, at: UInt64(place.offset), fill: fill)
    } else {
      try waitIdle()
      try arena.withHostBytes(at: UInt64(place.offset), count: byteCount) {
        try fill(0..<byteCount, $0)
      }
    }
  }

  func read(
    _ variable: String, bytes: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let place = place(of: variable)
    precondition(bytes.upperBound <= place.type.byteCount, "\(variable) has not as many bytes")
    let (arena, offset) = (variableArenas[place.arena], UInt64(place.offset + bytes.lowerBound))
    if let staging {
      try staging.read(arena, at: offset, byteCount: bytes.count, body)
    } else {
      try waitIdle()
      try arena.withHostBytes(at: offset, count: bytes.count) {
        try body(UnsafeRawBufferPointer($0))
      }
    }
  }

  /// Sends what has been written on its way, before anything that may read it is submitted.
  func flushWrites() throws { try staging?.flush() }

  func load(_ plan: Plan) throws -> any Program {
    for variable in plan.variables {
      precondition(
        variables[variable.name]?.type == variable.type,
        "the store has no \(variable.name) of \(variable.type)")
    }
    programs.removeAll { $0.program == nil }
    try reserve(for: plan)
    let program = try VulkanProgram(plan, store: self)
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

  /// The way of inputs and outputs, once a plan is loaded.
  var blocks: StepBlocks {
    guard let stepBlocks else { preconditionFailure("no plan is loaded") }
    return stepBlocks
  }

  func waitIdle() throws { try timeline.wait(for: timeline.lastSubmittedValue) }

  /// Shared memory for a plan. Growing it moves it, and loaded programs are recorded again.
  private func reserve(for plan: Plan) throws {
    var larger = demand
    larger.add(plan, limits: backend.planningLimits)
    if larger == demand, stepBlocks != nil { return try restoreTransientMemory() }
    try waitIdle()
    try stepBlocks?.finish()
    // Recorded copies keep the arenas that they name: what is old goes before the new comes.
    let programs = programs.compactMap(\.program)
    for program in programs { program.forget() }
    stepBlocks = nil
    if larger.transientByteCount > demand.transientByteCount || transientArenas.isEmpty {
      transientArenas = []
      transientArenas = try makeTransientArenas(larger.transientByteCount)
    }
    demand = larger
    stepBlocks = try StepBlocks(backend.device, demand, limits: backend.planningLimits)
    for program in programs { try program.record() }
  }

  func releaseTransientMemory() throws {
    if transientArenas.isEmpty { return }
    try waitIdle()
    try stepBlocks?.finish()
    // Recorded copies keep the arenas that they name.
    for program in programs { program.program?.forget() }
    transientArenas = []
  }

  /// Memory for whatever is about to be recorded.
  func restoreTransientMemory() throws {
    if transientArenas.isEmpty {
      transientArenas = try makeTransientArenas(demand.transientByteCount)
    }
  }

  private func makeTransientArenas(_ byteCount: Int) throws -> [Arena] {
    let size = backend.planningLimits.arenaByteCount
    return try stride(from: 0, to: byteCount, by: size).enumerated().map { index, start in
      try Arena(
        backend.device, kind: .device, byteCount: UInt64(min(size, byteCount - start)),
        name: "transient \(index)")
    }
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
