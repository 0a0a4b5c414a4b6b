import ArgumentParser
import Foundation
import Graph

/// `vkxl bench`
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure what a device does: kernels, a whole training step, memory.",
    discussion: """
      Attach the output to a report about speed. Benchmarks/README.md says how to read it.

      Examples:
        vkxl bench kernels --plot roofline.png
        vkxl bench step --size full --json step.json
        vkxl bench memory --size full --batch 4
      """,
    subcommands: [BenchKernelsCommand.self, BenchStepCommand.self, BenchMemoryCommand.self])
}

/// What every `vkxl bench` command takes.
struct BenchOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Write all results to this file, as JSON.", valueName: "file"))
  var json: String?

  @OptionGroup var device: DeviceOptions
  @OptionGroup var log: LogOptions

  /// Before anything is measured.
  /// - Throws: `InputError`
  func check() throws {
    if let json { try OptionCheck.requireWritable("--json", json) }
  }
}

/// `--plot`, for what a chart is drawn of.
struct BenchPlotOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Write a roofline chart to this file, as PNG.", valueName: "file"))
  var plot: String?

  /// Before anything is measured.
  /// - Throws: `InputError`
  func check() throws {
    if let plot { try OptionCheck.requireWritable("--plot", plot) }
  }
}

/// A line that is redrawn while something long goes on.
struct BenchProgress {
  private let terminal = Terminal.standardError

  func show(_ text: String) {
    if terminal.isInteractive { terminal.write("\r\u{1b}[K\(text)") }
  }

  func clear() { show("") }
}

/// Numbers as people read them.
enum Figures {
  /// About three digits.
  static func readable(_ value: Double) -> String {
    guard value.isFinite else { return "-" }
    switch abs(value) {
    case 100...: return String(format: "%.0f", value)
    case 10..<100: return String(format: "%.1f", value)
    case 1..<10: return String(format: "%.2f", value)
    case 0.1..<1: return String(format: "%.3f", value)
    default: return String(format: "%.4f", value)
    }
  }

  /// For example `58.2 GFLOP/s`.
  static func rate(_ perSecond: Double, _ unit: String) -> String {
    "\(readable(perSecond / 1e9)) G\(unit)/s"
  }

  /// For example `41.5 ms`.
  static func duration(_ seconds: Double) -> String {
    switch seconds {
    case 1...: "\(readable(seconds)) s"
    case 1e-3..<1: "\(readable(seconds * 1e3)) ms"
    default: "\(readable(seconds * 1e6)) us"
    }
  }

  /// For example `12.3 %`.
  static func percent(_ share: Double) -> String { String(format: "%.1f %%", share * 100) }

  static func median(_ values: [Double]) -> Double {
    values.isEmpty ? .nan : values.sorted()[values.count / 2]
  }
}
