/// Bytes of transient memory in use at each step of a plan, by what they hold.
public struct MemoryTimeline: Sendable {
  /// What bytes hold.
  public enum Category: Int, Sendable, CaseIterable {
    /// Results of the forward pass.
    case activations
    /// Results of the forward pass that the backward pass computes again.
    case recomputed
    /// Results of the backward pass, and what updates pass on.
    case gradients
    /// Scratch memory of kernels.
    case workspace
  }

  /// For each step the bytes by category, in the order of `Category.allCases`.
  public let byteCounts: [[Int]]

  /// The first step at which most is in use.
  public var peak: Int {
    let totals = byteCounts.map { $0.reduce(0, +) }
    return totals.indices.max { (totals[$0], -$0) < (totals[$1], -$1) } ?? 0
  }

  /// - Parameter limits: what the plan was made with
  public init(_ plan: Plan, limits: PlanningLimits) {
    var stretches: [Stretch] = []
    var current: [Int: Int] = [:]  // transient offset -> index of the stretch that lies there
    let backward = plan.segments.firstIndex(of: Graph.backwardSegment) ?? .max
    func read(_ placed: Plan.Placed, at time: Int) {
      guard case .transient(let offset) = placed.location, let index = current[offset] else {
        return
      }
      stretches[index].last = time
    }
    for (time, step) in plan.steps.enumerated() {
      for placed in step.inputs { read(placed, at: time) }
      let category: Category =
        step.isRepeated ? .recomputed : step.segment < backward ? .activations : .gradients
      for placed in step.outputs {
        guard case .transient(let offset) = placed.location else { continue }
        current[offset] = stretches.count
        stretches.append(
          Stretch(
            category: category, byteCount: limits.rounded(placed.type.byteCount), first: time,
            last: time))
      }
      if let workspace = step.workspace {
        stretches.append(
          Stretch(
            category: .workspace, byteCount: workspace.byteCount, first: time, last: time))
      }
    }
    for (_, placed) in plan.outputs { read(placed, at: plan.steps.count) }
    byteCounts = Self.sums(stretches, stepCount: plan.steps.count)
  }

  private struct Stretch {
    var category: Category
    var byteCount: Int
    var first: Int
    var last: Int
  }

  private static func sums(_ stretches: [Stretch], stepCount: Int) -> [[Int]] {
    let none = [Int](repeating: 0, count: Category.allCases.count)
    var changes = [[Int]](repeating: none, count: stepCount + 2)
    for stretch in stretches {
      changes[stretch.first][stretch.category.rawValue] += stretch.byteCount
      changes[stretch.last + 1][stretch.category.rawValue] -= stretch.byteCount
    }
    var live = none
    return changes.prefix(stepCount).map { change in
      for index in live.indices { live[index] += change[index] }
      return live
    }
  }
}
