import Data
import Foundation
import Model
import Shaders

/// A mean with the half width of its 95 % interval.
struct MeasuredMean: Sendable, Equatable {
  var mean: Double
  /// Half width of the interval of Student's t; NaN for one value.
  var interval: Double

  init(_ values: [Double]) {
    let count = Double(values.count)
    mean = values.reduce(0, +) / max(1, count)
    let mean = mean
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
    interval =
      values.count > 1 ? Self.quantile(values.count) * (variance / count).squareRoot() : .nan
  }

  /// The 97.5 % quantile of Student's t for so many values.
  private static func quantile(_ count: Int) -> Double {
    let table = [12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26]
    // Beyond the table: the expansion in 1 / degrees of freedom around the normal's 1.96.
    return count - 2 < table.count ? table[count - 2] : 1.96 + 2.37 / Double(count - 1)
  }

  /// For example `0.213 ± 0.012`.
  var text: String {
    Self.text(mean) + (interval.isNaN ? "" : String(format: " ± %.2g", interval))
  }

  /// Three digits.
  static func text(_ value: Double) -> String { String(format: "%.3g", value) }

  /// The value of a chart.
  func value(at x: Double) -> LineChart.Value {
    LineChart.Value(x, mean, deviation: interval.isNaN ? 0 : interval)
  }
}

/// A geometric mean of ratios, with the 95 % interval of their logarithms.
struct MeasuredRatio: Sendable, Equatable {
  /// Mean of the logarithms.
  var logarithm: MeasuredMean

  init(_ values: [Double]) { logarithm = MeasuredMean(values.map { log($0) }) }

  /// For example `1.21 (0.93 to 1.58)`.
  var text: String {
    let (mean, interval) = (logarithm.mean, logarithm.interval)
    let ends = [mean - interval, mean + interval].map { MeasuredMean.text(exp($0)) }
    return MeasuredMean.text(exp(mean)) + (interval.isNaN ? "" : " (\(ends[0]) to \(ends[1]))")
  }
}

/// A table in Markdown.
struct MarkdownTable: Sendable {
  var columns: [String]
  var rows: [[String]] = []

  init(_ columns: [String]) { self.columns = columns }

  mutating func add(_ row: [String]) {
    precondition(row.count == columns.count, "a row of \(row.count) cells")
    rows.append(row)
  }

  /// Lines that end with a newline.
  var text: String {
    ([columns, columns.map { _ in "---" }] + rows)
      .map { "| " + $0.joined(separator: " | ") + " |\n" }.joined()
  }
}

/// What an experiment found.
struct ExperimentReport: Sendable {
  var title: String
  /// Text and tables, in the order in which they are read.
  var parts: [String]
  /// From above.
  var charts: [LineChart]

  /// Writes `results.md` and `plot.png` beside the experiment's file.
  /// - Parameters:
  ///   - seconds: since it began
  ///   - processorSeconds: that this process computed, on all processors together
  func write(
    _ stage: ExperimentStage, seconds: Double, processorSeconds: Double
  ) throws {
    let (file, backend) = (stage.file, stage.backend)
    let name = URL(fileURLWithPath: file.path).lastPathComponent
    let folder = URL(fileURLWithPath: file.folder).lastPathComponent
    func settings(_ set: [String]) -> String {
      set.isEmpty ? "as the run" : "`\(set.joined(separator: " "))`"
    }
    let bases = file.bases.map {
      "- base **\($0.name)**, \($0.steps) steps, seed 0: \(settings($0.set))\n"
    }
    let arms = file.arms.map { arm in
      "- **\(arm.name)**\(arm.base.map { ", from base \($0)" } ?? ""): \(settings(arm.set))\n"
    }
    let seeds = file.seeds.map(String.init).joined(separator: ", ")
    let minutes = Int((seconds / 60).rounded(.up))
    let processorMinutes = Int((processorSeconds / 60).rounded(.up))
    let text = """
      # \(title)

      <!-- Written by `vkxl experiment Experiments/\(folder)/\(name)`; not by hand. -->

      \(parts.joined(separator: "\n\n"))

      ![](plot.png)

      ## How

      \(file.steps) steps from \(file.bases.isEmpty ? "" : "bases trained from ")\(stage.startDescription), seeds \(seeds); intervals are those of Student's t at 95 %.
      Run: [\(file.run)](\(file.run)), experiment: [\(name)](\(name)).

      \((bases + arms).joined())
      Took \(minutes) min (\(processorMinutes) min of processor time) on \(backend.description), \
      \(ProcessInfo.processInfo.activeProcessorCount) processors, vkxl \(Vkxl.version).

      """
    try AtomicFile.write(to: file.folder + "/results.md") { try $0.write(text) }
    let image = ImageGrid(charts.map { $0.image() }, columns: 1, gap: 0).image()
    try PNG.write(image, to: file.folder + "/plot.png")
  }
}

extension Sequence<MeasuredMean> {
  /// The values of a chart at places in order.
  func values(at places: [Double]) -> [LineChart.Value] {
    zip(self, places).map { $0.value(at: $1) }
  }
}
