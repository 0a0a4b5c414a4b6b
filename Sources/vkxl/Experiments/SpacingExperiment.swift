import Data
import Foundation
import Train

/// How far few sampler steps are from very many, by how the steps are spaced.
struct SpacingExperiment {
  private let stage: ExperimentStage
  private let steps: [Int]
  private let reference: Int
  private let pictures: Int
  private static let methods: [SamplingMethod] = [.euler, .dpmSolverPlusPlus]

  init(_ stage: ExperimentStage) throws {
    let file = stage.file
    self.stage = stage
    steps = try file.required(file.samplerSteps, .samplerSteps)
    reference = try file.required(file.referenceSteps, .referenceSteps)
    pictures = try file.required(file.pictures, .pictures)
  }

  /// A way to space the steps.
  private struct Way {
    var name: String
    var spacing: Spacing
    var change: (inout TableSettings) -> Void = { _ in }
  }

  /// What suits an objective's schedule.
  private func ways(_ objective: Objective) -> [Way] {
    guard objective.schedule.hasZeroTerminalSNR else {
      return [
        Way(name: "native (leading)", spacing: .leading),
        Way(name: "trailing", spacing: .trailing),
        Way(name: "Karras", spacing: .karras) {
          $0.rampMaximum = NoiseSchedule.plain.largestFiniteSigma
        },
      ]
    }
    return [
      Way(name: "native (trailing)", spacing: .trailing),
      Way(name: "Karras to 14.6, infinite first step", spacing: .karras) {
        $0.rampMaximum = NoiseSchedule.plain.largestFiniteSigma
        $0.beginsAtTerminal = true
      },
      Way(name: "Karras from 20000", spacing: .karras) {
        $0.rampMaximum = TableSettings.usualTerminalSigma
      },
    ]
  }

  /// Relative errors of one arm with one seed: by method, way, number of steps and picture.
  private typealias Errors = [[[[Double]]]]

  func report() async throws -> ExperimentReport {
    var names: [[String]] = []
    let outcomes = try await stage.forEachRun { run -> Errors in
      if run.seed == stage.file.seeds[0] { names.append(ways(run.objective).map(\.name)) }
      try run.train(until: stage.file.steps)
      return try measure(run)
    }
    var parts = [
      "Relative L2 distance of the drawn latents from those of \(reference) Euler steps with trailing "
        + "spacing from the same noise, without guidance; mean over \(pictures) pictures, one "
        + "model a seed."
    ]
    var charts: [LineChart] = []
    for (index, method) in Self.methods.enumerated() {
      var table = MarkdownTable(["arm", "spacing"] + steps.map { "\($0) steps" })
      var series: [LineChart.Series] = []
      for (arm, (runs, names)) in zip(stage.file.arms, zip(outcomes, names)) {
        for (way, name) in names.enumerated() {
          let means = steps.indices.map { count in
            MeasuredMean(runs.map { $0[index][way][count].reduce(0, +) / Double(pictures) })
          }
          table.add([arm.name, name] + means.map(\.text))
          series.append(
            LineChart.Series("\(arm.name): \(name)", means.values(at: steps.map(Double.init))))
        }
      }
      parts.append("\(method.title):\n\n" + table.text)
      charts.append(
        LineChart(
          title: "\(method.title): distance from \(reference) steps", xTitle: "sampler steps",
          yTitle: "relative L2 error", xScale: .logarithmic, yScale: .logarithmic,
          series: series))
    }
    return ExperimentReport(
      title: "Sigma spacing: few steps against very many", parts: parts, charts: charts)
  }

  private func measure(_ run: ExperimentRun) throws -> Errors {
    let side = run.configuration.data.resolution
    let captions = try run.firstLatents(pictures).map(\.caption)
    func drawn(_ process: SamplingProcess) throws -> [[Float]] {
      try run.draw(captions, height: side, width: side, batch: pictures, process)
    }
    let exact = try drawn(run.process(steps: reference, spacing: .trailing, pixels: side * side))
    return try Self.methods.map { method in
      try ways(run.objective).map { way in
        try steps.map { count in
          let process = run.process(
            steps: count, method: method, spacing: way.spacing, pixels: side * side,
            change: way.change)
          return zip(try drawn(process), exact).map(Self.relativeError)
        }
      }
    }
  }

  private static func relativeError(_ values: [Float], _ exact: [Float]) -> Double {
    var (difference, size) = (0.0, 0.0)
    for (value, exact) in zip(values, exact) {
      difference += Double(value - exact) * Double(value - exact)
      size += Double(exact) * Double(exact)
    }
    return (difference / size).squareRoot()
  }
}
