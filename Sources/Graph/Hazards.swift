/// Bytes that a step reads or writes, in a space of its own: transient memory is one space, each
/// variable and each input another.
public struct MemoryAccess: Hashable, Sendable {
  /// What the bytes belong to; transient memory, or a variable or input by its index.
  public enum Space: Hashable, Sendable {
    case transient
    case variable(Int)
    case input(Int)
  }

  /// What the bytes belong to.
  public var space: Space
  /// Offsets within the space.
  public var bytes: Range<Int>
  /// Whether they are written; else they are read.
  public var writes: Bool

  public init(_ space: Space, _ bytes: Range<Int>, writes: Bool) {
    self.space = space
    self.bytes = bytes
    self.writes = writes
  }

  /// Whether the order of two accesses matters: the same bytes, and at least one writes them.
  public func conflicts(with other: MemoryAccess) -> Bool {
    space == other.space && (writes || other.writes) && bytes.overlaps(other.bytes)
  }
}

/// Where a list of steps needs barriers, so that steps without a dependency may overlap.
///
/// A barrier orders everything before it and everything after it. It is put off to the last moment:
/// before the first step that conflicts (reads what was written, overwrites what was read or
/// written) with a step since the barrier before.
public struct BarrierPlan: Sendable, Equatable {
  /// For each step, whether a barrier goes before it; never before the first.
  public let isBefore: [Bool]

  /// Number of barriers.
  public var count: Int { isBefore.count(where: { $0 }) }

  public init(_ steps: [[MemoryAccess]]) {
    var open: [MemoryAccess.Space: [MemoryAccess]] = [:]  // since the last barrier
    isBefore = steps.map { accesses in
      let needsBarrier = accesses.contains { access in
        open[access.space]?.contains { $0.conflicts(with: access) } == true
      }
      if needsBarrier { open = [:] }
      for access in accesses { open[access.space, default: []].append(access) }
      return needsBarrier
    }
  }
}

extension Plan {
  /// What each step reads and writes, padding included: kernels may touch that.
  public func accesses(_ limits: PlanningLimits) -> [[MemoryAccess]] {
    steps.map { step in
      var accesses =
        step.inputs.map { access($0, writes: false, limits) }
        + step.outputs.map { access($0, writes: true, limits) }
      if let (offset, byteCount) = step.workspace {
        accesses.append(
          MemoryAccess(.transient, offset..<offset + limits.rounded(byteCount), writes: true))
      }
      return accesses
    }
  }

  private func access(
    _ placed: Placed, writes: Bool, _ limits: PlanningLimits
  ) -> MemoryAccess {
    let byteCount = limits.rounded(placed.type.byteCount)
    return switch placed.location {
    case .transient(let offset):
      MemoryAccess(.transient, offset..<offset + byteCount, writes: writes)
    case .variable(let index): MemoryAccess(.variable(index), 0..<byteCount, writes: writes)
    case .input(let index): MemoryAccess(.input(index), 0..<byteCount, writes: writes)
    }
  }
}
