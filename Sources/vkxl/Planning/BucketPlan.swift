import Graph
import Train

/// What a step of one bucket needs and does.
struct BucketPlan: Encodable {
  /// Pixels.
  var width: Int
  var height: Int
  var batch: Int
  /// Where gradients are: `memory.gradients`.
  var gradients: String
  var memory: PlannedMemory
  /// Of an update, over all of its batches; multiply-adds count as two.
  var flop: Int
  /// Those of them that are done a second time to save memory.
  var recomputedFlop: Int
  /// Bytes that the repeated operations read and write.
  var recomputedTraffic: Int
  /// Results of a batch computed again, by operation.
  var recomputedOperations: [String: Int]
  /// Samples of the largest batch that the budget holds; nil without a budget.
  var largestBatch: Int?

  /// - Throws: `InputError` when the planner's budget cannot be met.
  init(_ planner: StepPlanner, _ shape: BatchShape) throws {
    (width, height, batch) = (8 * shape.width, 8 * shape.height, shape.samples)
    gradients = planner.gradients.rawValue
    memory = try PlannedMemory(planner, shape)
    flop = try planner.updatePlan()?.flopCount ?? 0
    (recomputedFlop, recomputedTraffic, recomputedOperations) = (0, 0, [:])
    for role in planner.roles {
      let step = try planner.plan(shape, role)
      let count = role == .next ? planner.accumulation - 1 : 1
      flop += count * step.plan.flopCount
      recomputedFlop += count * step.recomputation.flopCount
      recomputedTraffic += count * step.recomputation.byteCount
      // Of one batch: each of an update's computes as much again.
      if role != .next {
        recomputedOperations.merge(step.recomputation.operations, uniquingKeysWith: +)
      }
    }
  }

  /// For example `geglu 70, layer_norm 210`; `nothing` when all is kept.
  var recomputedText: String {
    let names = recomputedOperations.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    return names.isEmpty
      ? "nothing" : names.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
  }
}

/// Finds the largest batch that a budget holds.
struct LargestBatch {
  /// Plans for a number of samples; throws an `InputError` when the budget cannot be met.
  let plan: (Int) throws -> Void

  private static let most = 4096

  /// - Parameters:
  ///   - least: known to fit
  ///   - guess: tried first; another bucket's answer
  /// - Returns: samples, at most 4096
  func find(from least: Int, guess: Int?) throws -> Int {
    if let guess, guess > least, try isPlanned(guess), try !isPlanned(guess + 1) { return guess }
    var (fits, fails) = (least, least)
    while true {
      fails = min(2 * fits, Self.most + 1)
      if try fails > Self.most || !isPlanned(fails) { break }
      fits = fails
    }
    while fails - fits > 1 {
      let middle = (fits + fails) / 2
      if try isPlanned(middle) { fits = middle } else { fails = middle }
    }
    return fits
  }

  private func isPlanned(_ samples: Int) throws -> Bool {
    do {
      try plan(samples)
      return true
    } catch is InputError {
      // Beyond the budget, or a tensor beyond what a device allocates at once.
      return false
    }
  }
}
