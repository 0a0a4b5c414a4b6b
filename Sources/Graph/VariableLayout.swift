/// Places of persistent variables in arenas: in the order given, so that tensors that are updated
/// together lie side by side.
public struct VariableLayout: Sendable {
  /// For each variable its arena and byte offset there.
  public let places: [(arena: Int, offset: Int)]
  /// Bytes of each arena.
  public let arenaByteCounts: [Int]

  /// Bytes of all arenas.
  public var byteCount: Int { arenaByteCounts.reduce(0, +) }

  /// - Throws: `InputError` when one variable is larger than an arena.
  public init(_ variables: [Variable], limits: PlanningLimits) throws {
    var places: [(arena: Int, offset: Int)] = []
    var arenas: [Int] = []
    for variable in variables {
      let byteCount = limits.rounded(variable.type.byteCount)
      if byteCount > limits.arenaByteCount {
        throw InputError(
          variable.name,
          expected: "at most \(limits.arenaByteCount) bytes, the device's largest allocation",
          found: "\(byteCount) bytes")
      }
      if arenas.isEmpty || arenas[arenas.count - 1] + byteCount > limits.arenaByteCount {
        arenas.append(0)
      }
      places.append((arenas.count - 1, arenas[arenas.count - 1]))
      arenas[arenas.count - 1] += byteCount
    }
    self.places = places
    arenaByteCounts = arenas
  }
}
