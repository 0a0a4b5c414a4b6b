import Foundation
import Graph
import VKRuntime

extension VulkanBackend {
  public var kernelChoices: String { KernelChoices.text(traits.choices.all) }

  public func adopt(kernelChoices: String) -> Bool {
    guard let table = KernelChoices.parse(kernelChoices) else { return false }
    traits.choices.add(table)
    return true
  }

  /// Measures the candidates once for a device, driver, operation and shape class, those with most
  /// work first; what was chosen is kept in the cache folder, guesses too, so that the next run
  /// chooses the same.
  public func tune(_ graphs: [Graph], budgetSeconds: Double) throws -> TuningReport {
    let start = ContinuousClock.now
    let elapsed = { (ContinuousClock.now - start) / .seconds(1) }
    let isTimeUp = { elapsed() >= budgetSeconds }
    var report = TuningReport()
    var table = storedChoices()
    func choose(_ use: OpenSelection, _ choice: KernelChoice) {
      table[use.selection.key] = choice
      traits.choices.add([use.selection.key: choice])
    }
    var unknown: ArraySlice<OpenSelection> = []
    for use in openSelections(graphs) {
      if use.candidates.count == 1 {
        choose(use, use.candidates[0])
      } else if let known = table[use.selection.key], use.candidates.contains(known) {
        choose(use, known)
        report.knownCount += 1
      } else {
        unknown.append(use)
      }
    }
    var longestBatch = 0.0
    while !unknown.isEmpty, elapsed() + longestBatch < budgetSeconds {
      let batchStart = elapsed()
      // As many, with several candidates each, as keep all processors compiling for a while.
      let batch = unknown.prefix(max(1, ProcessInfo.processInfo.activeProcessorCount / 2))
      for (index, pipelines) in try candidatePipelines(batch).enumerated() where !isTimeUp() {
        let use = unknown.removeFirst()
        choose(use, try fastest(use, pipelines, warmsUp: index == 0, isTimeUp))
        report.measuredCount += 1
      }
      store(table)
      longestBatch = max(longestBatch, elapsed() - batchStart)
    }
    if !unknown.isEmpty {
      for use in unknown { choose(use, use.candidates[0]) }
      report.guessedCount = unknown.count
      store(table)
    }
    report.seconds = elapsed()
    return report
  }

  /// A use of an operation whose kernel is still to be chosen.
  private struct OpenSelection {
    let operation: any SelectableOperation
    let inputs: [TensorType]
    let selection: KernelSelection
    var flopCount: Int

    /// What is worth the time: where matrix units can do the work nothing else comes near.
    var candidates: [KernelChoice] {
      let matrices = selection.candidates.filter(\.code.usesMatrixUnits)
      return matrices.isEmpty ? selection.candidates : matrices
    }
  }

  /// Selections without a choice, those with most work in all uses first.
  private func openSelections(_ graphs: [Graph]) -> [OpenSelection] {
    var open: [String: OpenSelection] = [:]
    for graph in graphs {
      for node in graph.nodes {
        guard let operation = node.operation as? any SelectableOperation else { continue }
        let inputs = node.inputs.map { graph.values[$0].type }
        let outputs = node.outputs.map { graph.values[$0].type }
        guard
          let selection = operation.selection(inputs: inputs, outputs: outputs, device: traits),
          selection.candidates.count > 1, !traits.choices.contains(selection.key)
        else { continue }
        let flops = operation.flopCount(inputs, outputs: outputs)
        if open[selection.key] == nil {
          open[selection.key] = OpenSelection(
            operation: operation, inputs: inputs, selection: selection, flopCount: flops)
        } else {
          open[selection.key]?.flopCount += flops
        }
      }
    }
    return open.values.sorted {
      ($1.flopCount, $0.selection.key) < ($0.flopCount, $1.selection.key)
    }
  }

  /// Pipelines of each use's candidates, all compiled in parallel.
  private func candidatePipelines(
    _ uses: ArraySlice<OpenSelection>
  ) throws -> [[[Pipeline]]] {
    let launches = try uses.map { use in
      let outputs = try use.operation.outputTypes(use.inputs)
      return use.candidates.map { choice in
        use.operation.launches(
          LoweringContext(
            unbound: use.inputs, outputs, device: KernelVariant(choice: choice).traits(traits)))
      }
    }
    var made = try pipelines(for: launches.flatMap { $0.flatMap(\.self) }, keeps: false)[...]
    return launches.map { candidates in
      candidates.map { launches in
        defer { made = made.dropFirst(launches.count) }
        return Array(made.prefix(launches.count))
      }
    }
  }

  /// The candidate with the shortest run: several times each in turn, without those that have fallen behind;
  /// of those that there was time to try, at least one.
  private func fastest(
    _ use: OpenSelection, _ pipelines: [[Pipeline]], warmsUp: Bool, _ isTimeUp: () -> Bool
  ) throws -> KernelChoice {
    let memory = try TimedMemory(use.operation, inputs: use.inputs, on: self)
    try memory.reserveScratch(
      use.candidates.map { choice in
        use.operation.workspaceByteCount(
          inputs: use.inputs, outputs: memory.outputs,
          device: KernelVariant(choice: choice).traits(traits))
      }.max() ?? 0)
    var left: [(choice: KernelChoice, timed: TimedOperation, seconds: Double)] = []
    for (choice, pipelines) in zip(use.candidates, pipelines) where left.isEmpty || !isTimeUp() {
      let timed = try TimedOperation(
        use.operation, memory, variant: KernelVariant(choice: choice), pipelines: pipelines)
      // Some drivers compile at the first launch.
      _ = try timed.seconds(runs: 1)
      if warmsUp, left.isEmpty { try timed.warmUp(seconds: 0.2) }
      left.append((choice, timed, try timed.seconds(runs: 1)[0]))
    }
    // A single run may have been disturbed: only what is far behind goes after it.
    for limit in [2, 1.3, 1.3] {
      let best = left.map(\.seconds).min() ?? 0
      left.removeAll { $0.seconds > limit * best }
      for index in left.indices where left.count > 1 && !isTimeUp() {
        let (_, timed, known) = left[index]
        left[index].seconds = min(known, try timed.shortestSeconds(expected: known))
      }
    }
    return left.min { $0.seconds < $1.seconds }?.choice ?? use.candidates[0]
  }

  /// Name of the file of choices: they hold for a device with a driver.
  private var choicesFile: String {
    var hash = ContentHash()
    hash.append("3 \(description)")
    return "kernels/\(hash).txt"
  }

  private func storedChoices() -> [String: KernelChoice] {
    guard let bytes = device.cacheFolder?.read(choicesFile) else { return [:] }
    return KernelChoices.parse(String(decoding: bytes, as: UTF8.self)) ?? [:]
  }

  private func store(_ table: [String: KernelChoice]) {
    device.cacheFolder?.write(Array(KernelChoices.text(table).utf8), as: choicesFile)
  }
}
