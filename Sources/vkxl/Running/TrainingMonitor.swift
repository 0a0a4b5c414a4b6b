import Data
import Foundation
import Graph
import Synchronization
import Train
import VKRuntime

/// Shows a run on the terminal and writes its metrics.
final class TrainingMonitor: Sendable {
  private struct State {
    var bar: ProgressBar?
    var log: MetricsLog?
    var resumedStep: Int?
    var plannedPeak = 0
    var failure: (any Error)?
    /// What is under way, as a stop request names it.
    var unit = "image"
    /// Whether a counter stands on the terminal's last line.
    var isCounting = false
  }

  private let folder: RunFolder
  private let terminal: Terminal
  private let state = Mutex(State())

  init(_ folder: RunFolder, terminal: Terminal = .standardError) throws {
    self.folder = folder
    self.terminal = terminal
  }

  /// A line for the user.
  func note(_ line: String) {
    let (bar, start) = state.withLock { state in
      defer { state.isCounting = false }
      return (state.bar, state.isCounting ? "\n" : "")
    }
    if let bar { bar.note(line) } else { terminal.write(start + line + "\n") }
  }

  /// The answer to the first signal.
  func noteStopping() {
    let unit = state.withLock { $0.unit }
    let saving = unit == "step" ? " and saving" : ""
    note("stopping after this \(unit)\(saving); press Ctrl-C again to stop at once")
  }

  func receive(_ event: TrainingEvent) {
    switch event {
    case .caching(let what, let done, let total):
      state.withLock { $0.unit = what == .images ? "image" : "caption" }
      showCaching(what.rawValue, done, total)
    case .planned(let plan):
      for phase in plan.phases { note("planned for \(phase.name): \(describe(phase.use))") }
      let peak = state.withLock { state in
        state.plannedPeak = max(state.plannedPeak, plan.peak)
        return state.plannedPeak
      }
      note("planned peak device memory: \(readableByteCount(UInt64(peak)))")
    case .recomputing(let height, let width, let recomputation, let flopCount):
      let share = Double(recomputation.flopCount) / Double(flopCount - recomputation.flopCount)
      let traffic = readableByteCount(UInt64(recomputation.byteCount))
      let saved = recomputation.keptByteCountBefore - recomputation.keptByteCount
      note(
        "\(width)x\(height): computes \(recomputation.operations.values.reduce(0, +)) results twice "
          + "to keep \(readableByteCount(UInt64(max(saved, 0)))) less: "
          + "\(Figures.percent(share)) more arithmetic, \(traffic) of memory traffic")
    case .loaded(let byteCount, let seconds):
      let size = readableByteCount(UInt64(byteCount))
      note("loaded parameters of \(size) in \(Figures.duration(seconds))")
    case .resumed(let step):
      state.withLock { $0.resumedStep = step }
      note("resumed after step \(step)")
    case .ready(let height, let width, let launches):
      state.withLock { $0.unit = "step" }
      note("ready: \(width)x\(height), \(launches) kernel launches a step")
    case .step(let report): record(report)
    case .saved(let path): note("saved \(path)")
    case .picture(let path): note("drew \(path)")
    case .validation(let report): record(report)
    case .warning(let text): note("warning: \(text)")
    }
  }

  /// Leaves the last state of the progress bar standing.
  func finish() { state.withLock { $0.bar }?.finish() }

  /// Whether the metrics could not be written: the run had better stop.
  var hasFailed: Bool { state.withLock { $0.failure != nil } }

  /// - Throws: what kept the metrics from being written.
  func check() throws {
    if let failure = state.withLock({ $0.failure }) { throw failure }
  }

  private func describe(_ use: MemoryUse) -> String {
    let parts = [
      ("weights and state", use.variables), ("activations", use.transient),
      ("step blocks", use.stepBlocks),
    ]
    let text = parts.map { "\($0.0) \(readableByteCount(UInt64($0.1)))" }.joined(separator: ", ")
    return "\(readableByteCount(UInt64(use.total))) (\(text))"
  }

  /// A line when something starts, one when it ends, and on a terminal a counter between.
  private func showCaching(_ what: String, _ done: Int, _ total: Int) {
    if terminal.isInteractive {
      state.withLock { $0.isCounting = done < total }
      terminal.write("\r\u{1B}[Kcaching \(what) \(done)/\(total)" + (done == total ? "\n" : ""))
    } else if done == total {
      note("cached \(counted(total, String(what.dropLast())))")
    }
  }

  private func record(_ report: StepReport) {
    let metrics = StepMetrics(report)
    let bar = state.withLock { state -> ProgressBar in
      let bar =
        state.bar
        ?? ProgressBar(total: report.steps, completed: state.resumedStep ?? 0, terminal: terminal)
      state.bar = bar
      append(metrics.json, &state)
      return bar
    }
    bar.update(metrics)
  }

  private func record(_ report: ValidationReport) {
    state.withLock { append(report.json, &$0) }
    let bands = report.bands.map { ConfigurationText.number(ValidationReport.rounded($0)) }
    note(
      "validation after step \(report.step): loss "
        + ConfigurationText.number(ValidationReport.rounded(report.loss))
        + ", from clean to noise \(bands.joined(separator: ", "))")
  }

  private func append(_ line: String, _ state: inout State) {
    do {
      let log =
        try state.log ?? MetricsLog(file: folder.metricsPath, resumedStep: state.resumedStep)
      state.log = log
      try log.append(line)
    } catch {
      state.failure = state.failure ?? error
    }
  }
}
