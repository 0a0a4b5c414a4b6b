/// What a step computes again in the backward pass, because keeping it would take more memory than
/// there is.
public struct Recomputation: Sendable, Equatable {
  /// Results by operation, most first.
  public var operations: [String: Int] = [:]
  /// Work that is done a second time; multiply-adds count as two.
  public var flopCount = 0
  /// Bytes that the repeated operations read and write.
  public var byteCount = 0
  /// Bytes of the forward pass kept for the backward pass, without and with it.
  public var keptByteCountBefore = 0
  public var keptByteCount = 0

  public init() {}

  /// Nothing is computed twice.
  public var isEmpty: Bool { operations.isEmpty }
}

/// A budget of transient memory that no recomputation meets.
public struct MemoryBudgetError: Error, Equatable {
  /// Bytes of transient memory with which the step could be planned.
  public var neededByteCount: Int
}

extension Graph {
  /// The same results, to the bit, with less memory: values of the forward pass that the backward
  /// pass reads are computed again right before that, as few and as cheap ones as the budget allows;
  /// and what stands in the segment `update` runs as soon as what it reads is complete.
  ///
  /// - Parameters:
  ///   - byteCount: transient memory that the plan may take; nil for no limit
  ///   - limits: what the plan will be made with
  ///   - workspace: bytes of scratch memory that the backend's kernel wants for a node
  /// - Throws: `MemoryBudgetError` with the smallest budget that would do.
  /// - Source: Chen et al., arXiv 1604.06174 (whole blocks); Jain et al., Checkmate, arXiv 1910.02653
  ///   (a budget in place of a switch).
  public func scheduled(
    within byteCount: Int?, limits: PlanningLimits,
    workspace: (any Operation, [TensorType], [TensorType]) -> Int = { _, _, _ in 0 }
  ) throws(MemoryBudgetError) -> (graph: Graph, recomputation: Recomputation) {
    let costs = ScheduleCosts(Scheduler(self), limits: limits, workspace: workspace)
    let search = RecomputationSearch(costs)
    let schedule = try search.cheapest(within: byteCount ?? .max)
    var recomputation = Recomputation()
    let repeated = costs.repeated(schedule)
    for node in repeated.nodes {
      recomputation.operations[nodes[node].operation.name, default: 0] += 1
    }
    var isDropped = [Bool](repeating: false, count: nodes.count)
    recomputation.keptByteCountBefore = costs.keptByteCount(dropping: isDropped)
    for node in repeated.nodes { isDropped[node] = true }
    recomputation.keptByteCount = costs.keptByteCount(dropping: isDropped)
    (recomputation.flopCount, recomputation.byteCount) = (repeated.flopCount, repeated.byteCount)
    let copies = schedule.copies.map { values[$0].type }
    return (Graph(self, nodes: schedule.nodes, copies: copies), recomputation)
  }
}

/// Finds the cheapest recomputation that meets a budget.
///
/// The candidates are taken in order until the plan fits; then each one that the plan fits without is
/// given back, dearest first. Sums of live bytes guide the search; layouts decide.
struct RecomputationSearch {
  let costs: ScheduleCosts

  init(_ costs: ScheduleCosts) { self.costs = costs }

  func cheapest(within byteCount: Int) throws(MemoryBudgetError) -> Schedule {
    let nothing = schedule([])
    if byteCount == .max || fits(nothing, byteCount) { return nothing }
    let steps = RecomputationCandidates(costs).steps
    var count = fewest(steps, byteCount)
    // Layouts need a little more than what lives at one time.
    while count <= steps.count {
      let first = steps.prefix(count)
      if fits(schedule(first), byteCount) { return trimmed(first, byteCount) }
      count += max(1, steps.count / 64)
    }
    let first = steps.prefix(smallest(steps))
    let needed = layout(schedule(first)).byteCount
    if needed <= byteCount { return trimmed(first, byteCount) }
    throw MemoryBudgetError(neededByteCount: needed)
  }

  /// The fewest first candidates with which no more lives at one time than the budget.
  private func fewest(_ steps: [RecomputationCandidates.Step], _ byteCount: Int) -> Int {
    var (low, high) = (0, steps.count)
    while low < high {
      let middle = (low + high) / 2
      let isEnough = bound(schedule(steps.prefix(middle))) <= byteCount
      if isEnough { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// The candidates without those that the budget leaves room for.
  private func trimmed(
    _ steps: ArraySlice<RecomputationCandidates.Step>, _ byteCount: Int
  ) -> Schedule {
    let whole = schedule(steps)
    let slack = layout(whole).byteCount - bound(whole)
    var kept = steps
    for index in steps.indices.reversed() {
      let nodes = kept[index].nodes
      kept[index].nodes = []
      if bound(schedule(kept)) + slack > byteCount { kept[index].nodes = nodes }
    }
    let result = schedule(kept)
    return fits(result, byteCount) ? result : whole
  }

  /// How many candidates make the smallest plan.
  private func smallest(_ steps: [RecomputationCandidates.Step]) -> Int {
    let bounds = (0...steps.count).map { bound(schedule(steps.prefix($0))) }
    return bounds.indices.min { bounds[$0] < bounds[$1] } ?? steps.count
  }

  private func schedule(_ steps: ArraySlice<RecomputationCandidates.Step>) -> Schedule {
    var isDropped = [Bool](repeating: false, count: costs.scheduler.graph.nodes.count)
    for step in steps { for node in step.nodes { isDropped[node] = true } }
    return costs.scheduler.schedule(dropping: isDropped)
  }

  private func bound(_ schedule: Schedule) -> Int {
    StorageLayout.lowerBound(costs.blocks(schedule))
  }

  private func layout(_ schedule: Schedule) -> StorageLayout {
    StorageLayout(costs.blocks(schedule), arenaByteCount: costs.limits.arenaByteCount)
  }

  private func fits(_ schedule: Schedule, _ byteCount: Int) -> Bool {
    bound(schedule) <= byteCount && layout(schedule).byteCount <= byteCount
  }
}
