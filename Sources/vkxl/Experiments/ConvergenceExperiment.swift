import Data
import Foundation
import Train

/// How fast objectives learn the same data: error of x0 on common noise levels, and distance of samples.
struct ConvergenceExperiment {
  private let stage: ExperimentStage
  private let sigmas: [Double]
  private let pictures: Int
  private let samplerSteps: Int
  /// Updates after which the error is measured.
  private let places: [Int]

  init(_ stage: ExperimentStage) throws {
    let file = stage.file
    self.stage = stage
    sigmas = try file.required(file.sigmas, .sigmas)
    pictures = try file.required(file.pictures, .pictures)
    samplerSteps = try file.required(file.samplerSteps?.first, .samplerSteps)
    places = try file.measuredSteps()
  }

  /// One arm with one seed.
  private struct Outcome {
    /// Geometric mean over the noise levels, by place.
    var errors: [Double]
    /// By noise level, at the end.
    var levels: [Double]
    var distance: Double
    /// Distance between the two halves of the data.
    var floor: Double
  }

  func report() async throws -> ExperimentReport {
    let outcomes = try await stage.forEachRun { run in try measure(run) }
    let curves = outcomes.map { runs in
      places.indices.map { place in MeasuredMean(runs.map { $0.errors[place] }) }
    }
    // What the slowest arm reaches, and what all but it reach.
    let marks = Array(curves.compactMap { $0.last?.mean }.sorted().suffix(2).reversed())
    var table = MarkdownTable(
      ["arm", "x0 error at the end"] + marks.map { "steps to \(MeasuredMean.text($0))" }
        + ["sliced Wasserstein distance"])
    for (arm, runs) in zip(stage.file.arms, outcomes) {
      table.add(
        [arm.name, MeasuredMean(runs.compactMap(\.errors.last)).text]
          + marks.map { mark in reached(mark, runs) }
          + [MeasuredMean(runs.map(\.distance)).text])
    }
    var levels = MarkdownTable(["arm"] + sigmas.map { "sigma \(MeasuredMean.text($0))" })
    for (arm, runs) in zip(stage.file.arms, outcomes) {
      levels.add(
        [arm.name]
          + sigmas.indices.map { level in MeasuredMean(runs.map { $0.levels[level] }).text })
    }
    let floor = MeasuredMean.text(outcomes[0][0].floor)
    return ExperimentReport(
      title: "Convergence: the same data and budget, one objective beside the other",
      parts: [
        "x0 error: mean squared error of the estimated clean latents of held-out pictures, geometric "
          + "mean over the noise levels below. Steps are those to the last error of the slowest arm, "
          + "and of the slowest but one.\n\n" + table.text,
        "Distance: between \(pictures) drawn latents (\(samplerSteps) Euler steps, no guidance) and "
          + "those of the pictures whose captions they have; between two halves of the pictures it "
          + "is \(floor).",
        "x0 error at the end by noise level:\n\n" + levels.text,
      ],
      charts: [
        stage.file.errorChart(
          "Error of x0 while training",
          subtitle: "geometric mean over noise levels, held-out pictures", curves, at: places)
      ])
  }

  private func measure(_ run: ExperimentRun) throws -> Outcome {
    var outcome = Outcome(errors: [], levels: [], distance: .nan, floor: .nan)
    for place in places {
      try run.train(until: place)
      outcome.levels = try run.cleanErrors(sigmas: sigmas)
      outcome.errors.append(geometricMean(outcome.levels))
    }
    let side = run.configuration.data.resolution
    let real = Array(try ExperimentRun.latents(run.data).prefix(pictures))
    let drawn = try run.draw(
      real.map(\.caption), height: side, width: side,
      run.process(steps: samplerSteps, pixels: side * side))
    outcome.distance = slicedWasserstein(drawn, real.map(\.values))
    let halves = real.map(\.values).enumerated()
    outcome.floor = slicedWasserstein(
      halves.filter { $0.offset % 2 == 0 }.map(\.element),
      halves.filter { $0.offset % 2 == 1 }.map(\.element))
    return outcome
  }

  /// Updates to an error: their mean, or how many runs never come there.
  private func reached(_ error: Double, _ runs: [Outcome]) -> String {
    let steps = runs.compactMap { self.steps(to: error, $0.errors) }
    return steps.count == runs.count
      ? MeasuredMean(steps).text : "not by \(runs.count - steps.count) of \(runs.count)"
  }

  /// Updates until a curve is first at an error, straight between what is measured; nil: never.
  private func steps(to error: Double, _ errors: [Double]) -> Double? {
    guard let after = errors.firstIndex(where: { $0 <= error }) else { return nil }
    guard after > 0 else { return Double(places[0]) }
    let share = (errors[after - 1] - error) / (errors[after - 1] - errors[after])
    return Double(places[after - 1]) + share * Double(places[after] - places[after - 1])
  }
}

/// The exponential of the mean logarithm: each noise level counts the same, whatever its size.
func geometricMean(_ values: [Double]) -> Double {
  exp(values.reduce(0) { $0 + log($1) } / Double(max(1, values.count)))
}

extension ExperimentFile {
  /// The arms' errors of x0 after so many updates.
  func errorChart(
    _ title: String, subtitle: String, _ curves: [[MeasuredMean]], at places: [Int]
  ) -> LineChart {
    LineChart(
      title: title, subtitle: subtitle, xTitle: "steps", yTitle: "mean squared error",
      yScale: .logarithmic,
      series: zip(arms, curves).map {
        LineChart.Series($0.name, $1.values(at: places.map(Double.init)))
      })
  }

  /// 0, and every `measure_every` updates to the last.
  func measuredSteps() throws -> [Int] {
    let interval = try required(measureEvery, .measureEvery)
    return Array(stride(from: 0, to: steps, by: interval)) + [steps]
  }
}
