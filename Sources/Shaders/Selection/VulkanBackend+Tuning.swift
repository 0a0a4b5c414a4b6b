import Graph
import VKRuntime

/// What a search for the fastest kernels did.
public struct TuningReport: Sendable {
  /// Choices measured now.
  public var measured: [String: KernelChoice] = [:]
  /// Choices known from an earlier search on this device and driver.
  public var knownCount = 0
  /// Selections left to the best guess because time was up.
  public var skippedCount = 0
  public var seconds = 0.0
}

extension VulkanBackend {
  /// Chooses among kernels for all that these graphs compute, by measuring each candidate once for a
  /// device, driver, operation and shape class; what was measured is kept in the cache folder.
  ///
  /// Selections with most work come first. Choices that have been made stay as they are, so this goes
  /// before plans are made.
  /// - Parameter budgetSeconds: after which the rest is left to the best guess
  public func tune(_ graphs: [Graph], budgetSeconds: Double = 30) throws -> TuningReport {
    let clock = ContinuousClock()
    let start = clock.now
    var report = TuningReport()
    var table = measuredChoices()
    for use in openSelections(graphs) {
      if let known = table[use.selection.key], use.selection.candidates.contains(known) {
        traits.choices.add([use.selection.key: known])
        report.knownCount += 1
        continue
      }
      guard start.duration(to: clock.now) < .seconds(budgetSeconds) else {
        report.skippedCount += 1
        continue
      }
      let choice = try fastest(use)
      table[use.selection.key] = choice
      report.measured[use.selection.key] = choice
      traits.choices.add([use.selection.key: choice])
    }
    if !report.measured.isEmpty { keep(table) }
    let elapsed = start.duration(to: clock.now)
    report.seconds =
      Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
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

  private func fastest(_ use: OpenSelection) throws -> KernelChoice {
    var best = (seconds: Double.infinity, choice: use.selection.candidates[0])
    for choice in use.selection.candidates {
      let timed = try TimedOperation(
        use.operation, inputs: use.inputs, variant: KernelVariant(choice: choice), on: self)
      let seconds = try timed.medianSeconds(minimum: 0.01)
      if seconds < best.seconds { best = (seconds, choice) }
    }
    return best.choice
  }

  /// Name of the file of measured choices: they hold for a device with a driver.
  private var choicesFile: String {
    var hash = ContentHash()
    hash.append("1 \(description)")
    return "kernels/\(hash).txt"
  }

  private func measuredChoices() -> [String: KernelChoice] {
    guard let bytes = device.cacheFolder?.read(choicesFile) else { return [:] }
    return KernelChoices.parse(String(decoding: bytes, as: UTF8.self)) ?? [:]
  }

  private func keep(_ table: [String: KernelChoice]) {
    device.cacheFolder?.write(Array(KernelChoices.text(table).utf8), as: choicesFile)
  }
}
