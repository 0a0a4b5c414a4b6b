import Graph
import VKRuntime

extension VulkanBackend {
  public var kernelChoices: String { KernelChoices.text(traits.choices.all) }

  public func adopt(kernelChoices: String) -> Bool {
    guard let table = KernelChoices.parse(kernelChoices) else { return false }
    traits.choices.add(table)
    return true
  }

  /// Measures each candidate once for a device, driver, operation and shape class, those with most
  /// work first; what was chosen is kept in the cache folder, guesses too, so that the next run
  /// chooses the same.
  public func tune(_ graphs: [Graph], budgetSeconds: Double) throws -> TuningReport {
    let start = ContinuousClock.now
    let isTimeUp = { (ContinuousClock.now - start) / .seconds(1) >= budgetSeconds }
    var report = TuningReport()
    var table = storedChoices()
    for use in openSelections(graphs) {
      let (key, candidates) = (use.selection.key, use.selection.candidates)
      var choice = candidates[0]
      if let known = table[key], candidates.contains(known) {
        choice = known
        report.knownCount += 1
      } else if !isTimeUp() {
        choice = try fastest(use, isTimeUp)
        report.measuredCount += 1
      } else {
        report.guessedCount += 1
      }
      table[key] = choice
      traits.choices.add([key: choice])
    }
    if report.measuredCount + report.guessedCount > 0 { store(table) }
    report.seconds = (ContinuousClock.now - start) / .seconds(1)
    return report
  }

  /// A use of an operation whose kernel is still to be chosen.
  private struct OpenSelection {
    let operation: any SelectableOperation
    let inputs: [TensorType]
    let selection: KernelSelection
    var flopCount: Int
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

  /// The candidate with the shortest run; of those that there was time to try, at least one.
  private func fastest(
    _ use: OpenSelection, _ isTimeUp: () -> Bool
  ) throws -> KernelChoice {
    var best = (seconds: Double.infinity, choice: use.selection.candidates[0])
    for choice in use.selection.candidates {
      if best.seconds.isFinite, isTimeUp() { break }
      let timed = try TimedOperation(
        use.operation, inputs: use.inputs, variant: KernelVariant(choice: choice), on: self)
      let seconds = try timed.shortestSeconds(unlessAbove: 1.5 * best.seconds)
      if seconds < best.seconds { best = (seconds, choice) }
    }
    return best.choice
  }

  /// Name of the file of choices: they hold for a device with a driver.
  private var choicesFile: String {
    var hash = ContentHash()
    hash.append("1 \(description)")
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
