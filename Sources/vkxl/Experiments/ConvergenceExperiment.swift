import Data
import Foundation
import Train

/// How fast objectives learn the same data: error of x0 on common noise levels, and distance of samples.
struct ConvergenceExperiment {
  private let stage: ExperimentStage
  private let sigmas: [Double]
  /// Errors to which updates are counted, the largest first.
  private let marks: [Double]
  private let pictures: Int
  private let samplerSteps: Int
  /// Updates after which error and distance are measured.
  private let places: [Int]

  init(_ stage: ExperimentStage) throws {
    let file = stage.file
    self.stage = stage
    sigmas = try file.required(file.sigmas, .sigmas)
    marks = try file.required(file.marks, .marks)
    pictures = try file.required(file.pictures, .pictures)
    samplerSteps = try file.required(file.samplerSteps?.first, .samplerSteps)
    places = try file.measuredSteps()
  }

  /// One arm with one seed.
  private struct Outcome {
    /// Geometric mean over the noise levels, by place.
    var errors: [Double] = []
    /// By noise level, at the end.
    var levels: [Double] = []
    /// Of drawn pictures, by place.
    var distances: [Double] = []
  }

  func report() async throws -> ExperimentReport {
    let outcomes = try await stage.forEachRun { run in try measure(run) }
    func curves(_ values: KeyPath<Outcome, [Double]>) -> [[MeasuredMean]] {
      outcomes.map { runs in
        places.indices.map { place in MeasuredMean(runs.map { $0[keyPath: values][place] }) }
      }
    }
    let distances = curves(\.distances)
    // What the slowest arm reaches, and what all but it reach.
    let far = Array(distances.compactMap { $0.last?.mean }.sorted().suffix(2).reversed())
    func steps(to marks: [Double], _ values: KeyPath<Outcome, [Double]>) -> String {
      var table = MarkdownTable(
        ["arm", "at the end"] + marks.map { "steps to \(MeasuredMean.text($0))" })
      for (arm, runs) in zip(stage.file.arms, outcomes) {
        table.add(
          [arm.name, MeasuredMean(runs.compactMap { $0[keyPath: values].last }).text]
            + marks.map { mark in reached(mark, runs.map { $0[keyPath: values] }) })
      }
      return table.text
    }
    var levels = MarkdownTable(["arm"] + sigmas.map { "sigma \(MeasuredMean.text($0))" })
    for (arm, runs) in zip(stage.file.arms, outcomes) {
      levels.add(
        [arm.name]
          + sigmas.indices.map { level in MeasuredMean(runs.map { $0.levels[level] }).text })
    }
    let interval = places[1] - places[0]
    return ExperimentReport(
      title: "Convergence: the same data and budget, one objective beside the other",
      parts: [
        "x0 error: mean squared error of the estimated clean latents of held-out pictures, geometric "
          + "mean over the noise levels below, measured every \(interval) steps; between two of them "
          + "its logarithm is taken as straight.\n\n" + steps(to: marks, \.errors),
        "Sliced Wasserstein distance between \(pictures) drawn latents (\(samplerSteps) Euler steps, "
          + "trailing, no guidance) and those of the training pictures whose captions they have. Steps "
          + "are those to where the slowest arm ends, and the slowest but one.\n\n"
          + steps(to: far, \.distances),
        "x0 error at the end by noise level:\n\n" + levels.text,
      ],
      charts: [
        stage.file.errorChart(
          "Error of x0 while training",
          subtitle: "geometric mean over noise levels, held-out pictures", curves(\.errors),
          at: places),
        stage.file.errorChart(
          "Distance of drawn pictures while training",
          subtitle: "sliced Wasserstein, to the training pictures", distances, at: places,
          yTitle: "distance"),
      ])
  }

  private func measure(_ run: ExperimentRun) throws -> Outcome {
    let side = run.configuration.data.resolution
    let real = try run.firstLatents(pictures)
    let process = run.process(steps: samplerSteps, spacing: .trailing, pixels: side * side)
    var outcome = Outcome()
    for place in places {
      try run.train(until: place)
      outcome.levels = try run.cleanErrors(sigmas: sigmas)
      outcome.errors.append(geometricMean(outcome.levels))
      let drawn = try run.draw(real.map(\.caption), height: side, width: side, process)
      outcome.distances.append(slicedWasserstein(drawn, real.map(\.values)))
    }
    return outcome
  }

  /// Updates to a mark: their mean, or how many runs never come there.
  private func reached(_ mark: Double, _ runs: [[Double]]) -> String {
    let steps = runs.compactMap { Self.steps(to: mark, $0, at: places) }
    return steps.count == runs.count
      ? MeasuredMean(steps).text : "not by \(runs.count - steps.count) of \(runs.count)"
  }

  /// Updates until a curve is first at a mark, its logarithm straight between what is measured; nil:
  /// never.
  static func steps(to mark: Double, _ values: [Double], at places: [Int]) -> Double? {
    guard let after = values.firstIndex(where: { $0 <= mark }) else { return nil }
    guard after > 0 else { return Double(places[0]) }
    let share = log(values[after - 1] / mark) / log(values[after - 1] / values[after])
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
    _ title: String, subtitle: String, _ curves: [[MeasuredMean]], at places: [Int],
    yTitle: String = "mean squared error"
  ) -> LineChart {
    LineChart(
      title: title, subtitle: subtitle, xTitle: "steps", yTitle: yTitle,
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
