import Graph

/// A run that is part of an update.
public enum StepRole: Hashable, Sendable {
  /// Forward and backward of the first batch; gradients are kept.
  case first
  /// Of the batches after it; gradients are added.
  case next
  /// Forward, backward and nothing but the norm.
  case norm
  /// Forward, backward and updates.
  case updating
}

/// A planned run of a batch shape.
public struct StepPlan: Sendable {
  /// What is replayed.
  public var plan: Plan
  /// What it computes twice.
  public var recomputation: Recomputation
}

/// Makes the graphs and plans of an update under a memory policy: for a trainer, and for whoever wants
/// to know before.
public final class StepPlanner {
  /// Who says what kernels and transfers need.
  public let planner: any Planner
  /// What decides an update.
  public let settings: TrainerSettings
  /// Bytes that everything may take; nil for no limit.
  public let budgetByteCount: Int?
  /// Where gradients are.
  public let gradients: GradientPolicy
  /// Batches of an update.
  public let accumulation: Int
  /// The network's parameters, in the order in which it declares them.
  public let parameters: [Variable]
  private let denoiser: Denoiser
  /// Of all batches.
  private let shapes: [BatchShape]
  /// What else runs in the same store.
  private let others: [Plan]
  /// Of runs that are not planned yet.
  private var graphs: [BatchShape: [StepRole: Graph]] = [:]
  /// Bytes that training on `shapes` takes beside transient memory, once known.
  private var fixedByteCount: Int?
  private var plans: [BatchShape: [StepRole: StepPlan]] = [:]
  private var keptUpdate: Plan?
  private var firstNormPlans: [BatchShape: Plan?] = [:]

  /// - Parameters:
  ///   - planner: who says what kernels and transfers need
  ///   - shapes: of all batches, at least one
  ///   - budgetByteCount: bytes that everything may take; nil for no limit
  ///   - accumulation: batches of an update
  ///   - others: what else runs in the same store, for what passes between it and the host
  /// - Throws: `InputError` when the policy does not suit the settings.
  public init(
    _ planner: any Planner, settings: TrainerSettings, gradients: GradientPolicy,
    budgetByteCount: Int?, shapes: [BatchShape], accumulation: Int, others: [Plan] = [],
    denoiser: @escaping Denoiser
  ) throws {
    self.planner = planner
    self.settings = settings
    self.gradients = gradients
    self.budgetByteCount = budgetByteCount
    self.accumulation = accumulation
    self.denoiser = denoiser
    self.shapes = shapes
    self.others = others
    parameters = Trainer.parameters(shapes[0], denoiser)
    try gradients.check(settings, accumulation: accumulation)
  }

  /// The planner of a policy that may leave the choice open: gradients are kept where that fits; where
  /// it does not, or only with recomputation and nothing is clipped, they are freed as they are used.
  /// - Parameters:
  ///   - shapes: of all batches, at least one
  ///   - others: what else runs in the same store
  /// - Throws: `InputError` when the budget cannot be met.
  public static func suited(
    _ planner: any Planner, settings: TrainerSettings, policy: MemoryPolicy, shapes: [BatchShape],
    accumulation: Int, others: [Plan] = [], denoiser: @escaping Denoiser
  ) throws -> StepPlanner {
    func make(_ gradients: GradientPolicy) throws -> StepPlanner {
      try StepPlanner(
        planner, settings: settings, gradients: gradients,
        budgetByteCount: policy.budgetByteCount, shapes: shapes, accumulation: accumulation,
        others: others, denoiser: denoiser)
    }
    if let gradients = policy.gradients { return try make(gradients) }
    let kept = try make(.kept)
    let needsNorm = settings.maximumNorm != nil || settings.lossScaling != nil
    let freed: GradientPolicy = needsNorm ? .twoPasses : .lastNorm
    guard policy.budgetByteCount != nil,
      (try? freed.check(settings, accumulation: accumulation)) != nil
    else { return kept }
    do {
      let plans = try shapes.flatMap { try kept.plans($0).values }
      let isFree = plans.allSatisfy(\.recomputation.isEmpty)
      return isFree || needsNorm ? kept : try make(freed)
    } catch is InputError {
      return try make(freed)
    }
  }

  /// Runs of a batch shape, in the order of an update.
  public var roles: [StepRole] {
    switch gradients {
    case .kept, .keptBF16: accumulation > 1 ? [.first, .next] : [.first]
    case .lastNorm: [.updating]
    case .twoPasses: [.norm, .updating]
    }
  }

  /// Everything that persists, in the order of storage: kinds side by side, so that the optimizer
  /// runs over long stretches of memory.
  public var variables: [Variable] {
    let trained = parameters.filter(\.isTrained)
    return parameters.filter { !$0.isTrained } + trained + keptGradients
      + settings.optimizer.states(trained) + counters
  }

  /// Gradients that stay from the backward pass to the update.
  public var keptGradients: [Variable] {
    parameters.filter(\.isTrained).compactMap { parameter in
      gradients.storage(of: parameter, accumulation: accumulation).map { dtype in
        Variable(
          name: StateName.gradient(parameter.name),
          type: TensorType(parameter.type.shape, dtype), kind: .state)
      }
    }
  }

  /// Scalars: the count of updates, a norm where one is passed on, the state of loss scaling.
  var counters: [Variable] {
    var names = [StateName.step]
    if gradients == .lastNorm { names.append(StateName.lastNorm) }
    if gradients == .twoPasses { names.append(StateName.norm) }
    return names.map { Variable(name: $0, type: TensorType([1]), kind: .state) }
      + (settings.lossScaling?.states.map(\.variable) ?? [])
  }

  /// What a run of a shape computes, as it is planned without a budget.
  public func graph(_ shape: BatchShape, _ role: StepRole) -> Graph {
    switch role {
    case .first, .next:
      MicroStep.graph(
        shape, loss: settings.loss, noise: .shaped(settings.noise),
        gradients: role == .first ? .replace : .add, scalesLoss: settings.lossScaling != nil,
        keptAs: { self.gradients.storage(of: $0, accumulation: self.accumulation) ?? .f32 },
        denoiser: denoiser)
    case .norm: MicroStep.graph(shape, .norm, settings: settings, denoiser: denoiser)
    case .updating:
      MicroStep.graph(
        shape, gradients == .lastNorm ? .updateByLastNorm : .updateByNorm, settings: settings,
        denoiser: denoiser)
    }
  }

  /// The plans of a shape, by role.
  /// - Throws: `InputError` when the budget cannot be met.
  public func plans(_ shape: BatchShape) throws -> [StepRole: StepPlan] {
    var made: [StepRole: StepPlan] = [:]
    for role in roles { made[role] = try plan(shape, role) }
    return made
  }

  /// The plan of one run of a shape.
  /// - Throws: `InputError` when the budget cannot be met.
  public func plan(_ shape: BatchShape, _ role: StepRole) throws -> StepPlan {
    do {
      return try fittedPlan(shape, role)
    } catch let error as BudgetRefusal {
      throw inputError(error)
    }
  }

  /// - Throws: `BudgetRefusal` when the budget cannot be met.
  private func fittedPlan(_ shape: BatchShape, _ role: StepRole) throws -> StepPlan {
    if let plan = plans[shape]?[role] { return plan }
    let plan = try makePlan(shape, role)
    plans[shape, default: [:]][role] = plan
    return plan
  }

  /// The pass that tells the norm of the first update where updates are clipped by the norm of the one
  /// before; nil where none is needed, or it would take more memory than the updates do.
  public func firstNormPlan(_ shape: BatchShape) throws -> Plan? {
    guard gradients == .lastNorm, settings.maximumNorm != nil else { return nil }
    if let plan = firstNormPlans[shape] { return plan }
    let most = try plan(shape, .updating).plan.transientByteCount
    let graph = MicroStep.graph(shape, .firstNorm, settings: settings, denoiser: denoiser)
    let plan: Plan?
    do {
      plan = try planner.plan(graph, within: most).plan
    } catch is MemoryBudgetError {
      plan = nil
    }
    firstNormPlans[shape] = .some(plan)
    return plan
  }

  /// The update over kept gradients; nil where updates are part of the backward pass.
  public func updatePlan() throws -> Plan? {
    guard !gradients.updatesInBackward else { return nil }
    if let keptUpdate { return keptUpdate }
    let graph = UpdateStep.graph(
      parameters.filter(\.isTrained), gradients: keptGradients, optimizer: settings.optimizer,
      maximumNorm: settings.maximumNorm, lossScaling: settings.lossScaling, seed: settings.seed)
    let plan = try planner.plan(graph)
    keptUpdate = plan
    return plan
  }

  /// Device memory of training on batches of these shapes.
  /// - Throws: `InputError` with what the largest need when the budget cannot be met.
  public func memory(_ shapes: [BatchShape]) throws -> MemoryUse {
    var use = MemoryUse(runsInFlight: Trainer.runsInFlight(accumulation: accumulation))
    try use.add(variables, planner)
    var refusal: BudgetRefusal?
    for shape in shapes {
      do {
        for role in roles { use.add(try fittedPlan(shape, role).plan, planner) }
      } catch let error as BudgetRefusal {
        refusal = [error, refusal].compactMap(\.self).max { $0.needed < $1.needed }
      }
    }
    if let refusal { throw inputError(refusal) }
    if let update = try updatePlan() { use.add(update, planner) }
    if let budgetByteCount, use.total > budgetByteCount, let shape = shapes.first {
      throw inputError(BudgetRefusal(shape: shape, needed: use.total))
    }
    return use
  }

  /// Device memory of one run with what persists.
  /// - Parameter plan: of whatever runs on the planner's variables
  public func memory(of plan: Plan) throws -> MemoryUse {
    var use = MemoryUse()
    try use.add(variables, planner)
    use.add(plan, planner)
    return use
  }

  /// A batch that the budget does not hold.
  private struct BudgetRefusal: Error {
    var shape: BatchShape
    /// Bytes of everything that would do.
    var needed: Int
  }

  private func inputError(_ refusal: BudgetRefusal) -> InputError {
    let shape = refusal.shape
    return InputError(
      "memory.budget",
      expected: "at least \(Self.mebibytes(refusal.needed)) for \(shape.samples) "
        + "x \(8 * shape.width)x\(8 * shape.height) pixels, the least that recomputation reaches",
      found: Self.mebibytes(budgetByteCount ?? 0), hint: hint)
  }

  private func makePlan(_ shape: BatchShape, _ role: StepRole) throws -> StepPlan {
    guard let budgetByteCount else {
      let graph = graph(shape, role)
      let (plan, recomputation) = try planner.plan(graph, within: nil)
      return StepPlan(plan: plan, recomputation: recomputation)
    }
    let fixed = try fixed()
    let graph = graphs[shape]?.removeValue(forKey: role) ?? graph(shape, role)
    do {
      let (plan, recomputation) = try planner.plan(graph, within: max(0, budgetByteCount - fixed))
      return StepPlan(plan: plan, recomputation: recomputation)
    } catch let error as MemoryBudgetError {
      throw BudgetRefusal(shape: shape, needed: fixed + error.neededByteCount)
    }
  }

  /// Bytes that training takes beside the transient memory of its runs, which share it.
  private func fixed() throws -> Int {
    if let fixedByteCount { return fixedByteCount }
    var use = MemoryUse(runsInFlight: Trainer.runsInFlight(accumulation: accumulation))
    try use.add(variables, planner)
    for shape in shapes {
      for role in roles {
        let graph = graph(shape, role)
        graphs[shape, default: [:]][role] = graph
        let inputs = graph.values.compactMap { value in
          if case .input = value.source { return value.type }
          return nil
        }
        use.add(
          inputs: inputs, outputs: graph.outputs.map { graph.values[$0.value].type }, planner)
      }
    }
    for plan in others { use.add(plan, planner) }
    let byteCount = use.total - use.transient
    fixedByteCount = byteCount
    return byteCount
  }

  private var hint: String {
    let ways = GradientPolicy.allCases.filter {
      $0 != gradients && $0 != .kept && (try? $0.check(settings, accumulation: accumulation)) != nil
    }
    var changes = shapes.contains { $0.samples > 1 } ? ["a smaller batch"] : []
    changes.append("smaller pictures")
    if settings.storage.weights == .f32 { changes.append("16-bit parameters") }
    if !gradients.updatesInBackward {
      let names = ways.map { "`memory.gradients: \($0.rawValue)`" }
      if !names.isEmpty { changes.insert(names.joined(separator: " or "), at: 0) }
      if accumulation > 1, settings.optimizer.rule.isSeparable {
        changes.append("`training.gradient_accumulation: 1`, which need not keep gradients,")
      }
    }
    return changes.joined(separator: ", ") + " or an optimizer with less state need less"
  }

  /// Rounded up, so that what is asked for is enough.
  static func mebibytes(_ byteCount: Int) -> String { "\((byteCount + 1 << 20 - 1) >> 20)MiB" }
}

extension GradientPolicy {
  /// - Throws: `InputError` where gradients cannot be freed before all are there.
  func check(_ settings: TrainerSettings, accumulation: Int) throws {
    guard updatesInBackward else { return }
    let expected = "`kept` or `kept_bf16`"
    if accumulation > 1 {
      throw InputError(
        "memory.gradients", expected: "\(expected) with gradients of \(accumulation) batches",
        found: "`\(rawValue)`", hint: "set `training.gradient_accumulation: 1`")
    }
    if self == .lastNorm, settings.lossScaling != nil {
      throw InputError(
        "memory.gradients", expected: "another way with f16, whose gradients may overflow",
        found: "`\(rawValue)`",
        hint: "`two_passes` knows whether all are finite before the first update; or use bf16")
    }
    if !settings.optimizer.rule.isSeparable {
      throw InputError(
        "memory.gradients",
        expected: "\(expected) with an optimizer that needs all gradients at once",
        found: "`\(rawValue)`", hint: "use another optimizer")
    }
  }
}
