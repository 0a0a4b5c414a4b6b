import Foundation
import Synchronization

/// Shows how far a run is: one redrawn line on a terminal, now and then a plain line elsewhere.
///
/// `train  37% |#######-------------| 148/400  loss 0.1234  12.3 img/s  0:21 left  lr 1.0e-03
/// grad 0.52`; fields are left out, last ones first, when the terminal is narrow. May be used from
/// any thread.
final class ProgressBar: Sendable {
  private struct State {
    var step: Int
    var last: StepMetrics?
    var loss = SmoothedValue()
    var rate = RateEstimate()
    var lastDrawn: Double?
    var isDrawn = false
  }

  private let title: String
  private let total: Int
  private let terminal: Terminal
  private let state: Mutex<State>

  /// A terminal is redrawn at most every tenth of a second; other streams get a line in ten.
  private var interval: Double { terminal.isInteractive ? 0.1 : 10 }

  /// - Parameters:
  ///   - total: Steps of the whole run.
  ///   - completed: Steps done before, in a resumed run.
  init(
    title: String = "train", total: Int, completed: Int = 0, terminal: Terminal = .standardError
  ) {
    self.title = title
    self.total = max(1, total)
    self.terminal = terminal
    state = Mutex(State(step: completed))
  }

  /// Tells of a finished step.
  func update(_ metrics: StepMetrics) {
    state.withLock { state in
      state.step = metrics.step
      state.last = metrics
      state.loss.add(Double(metrics.loss))
      state.rate.add(seconds: metrics.seconds, images: metrics.images)
      let now = terminal.now()
      if let last = state.lastDrawn, now - last < interval, metrics.step < total { return }
      state.lastDrawn = now
      draw(&state)
    }
  }

  /// Writes a line of text above the bar.
  func note(_ line: String) {
    state.withLock { state in
      guard terminal.isInteractive, state.isDrawn else {
        terminal.write(line + "\n")
        return
      }
      terminal.write("\r\u{1B}[K" + line + "\n")
      draw(&state)
    }
  }

  /// Leaves the last state standing and ends its line.
  func finish() {
    state.withLock { state in
      guard terminal.isInteractive, state.isDrawn else { return }
      draw(&state)
      terminal.write("\n")
      state.isDrawn = false
    }
  }

  private func draw(_ state: inout State) {
    if terminal.isInteractive {
      terminal.write("\r\u{1B}[K" + line(state, width: terminal.width() - 1))
      state.isDrawn = true
    } else {
      terminal.write(line(state, width: nil) + "\n")
    }
  }

  /// The line at `width` columns; without width there is no bar and nothing is left out.
  private func line(_ state: State, width: Int?) -> String {
    let done = min(max(0, state.step), total)
    let head = "\(title) \(Self.padded("\(done * 100 / total)", to: 3))%"
    let count = "\(done)/\(total)"
    var fields = fields(state, remaining: total - done)
    guard let width else { return ([head, count] + fields).joined(separator: "  ") }
    let barWidths = 10...30
    func tail() -> String { ([count] + fields).joined(separator: "  ") }
    while !fields.isEmpty, head.count + tail().count + barWidths.lowerBound + 4 > width {
      fields.removeLast()
    }
    let room = width - head.count - tail().count - 4
    if room >= barWidths.lowerBound {
      let bar = bar(done: done, width: min(room, barWidths.upperBound))
      return "\(head) |\(bar)| \(tail())"
    }
    return String("\(head) \(tail())".prefix(max(1, width)))
  }

  /// Loss, speed, time left, learning rate, gradient norm: the most wanted first.
  private func fields(_ state: State, remaining: Int) -> [String] {
    guard let last = state.last else { return [] }
    var fields = [
      "loss " + Self.format(last.loss.isFinite ? state.loss.value : Double(last.loss), "%.4f")
    ]
    if let rate = state.rate.imagesPerSecond {
      fields.append(Self.format(rate, rate < 10 ? "%.2f" : "%.1f") + " img/s")
    }
    if let seconds = state.rate.secondsPerStep {
      fields.append(Self.duration(seconds * Double(remaining)) + " left")
    }
    fields.append("lr " + Self.format(last.learningRate, "%.1e"))
    fields.append("grad " + Self.format(Double(last.gradientNorm), "%.3g"))
    return fields
  }

  private func bar(done: Int, width: Int) -> String {
    guard terminal.showsUnicode else {
      let filled = done * width / total
      return String(repeating: "#", count: filled)
        + String(repeating: "-", count: width - filled)
    }
    let eighths = done * width * 8 / total
    let partial = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8]
    let filled = String(repeating: "█", count: eighths / 8) + partial
    return filled + String(repeating: " ", count: width - filled.count)
  }

  /// `0:07`, `12:34`, `5:00:00`, `3d 04:00`.
  static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "?" }
    let whole = Int(seconds.rounded())
    let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60)
    if days > 0 { return "\(days)d " + String(format: "%02d:%02d", hours, minutes) }
    if hours > 0 { return String(format: "%d:%02d:%02d", hours, minutes, whole % 60) }
    return String(format: "%d:%02d", minutes, whole % 60)
  }

  private static func format(_ number: Double?, _ format: String) -> String {
    guard let number else { return "?" }
    return number.isFinite ? String(format: format, number) : "\(number)"
  }

  private static func padded(_ text: String, to width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }
}
