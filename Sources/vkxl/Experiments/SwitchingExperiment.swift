import Data
import Foundation
import Train

/// An epsilon model is moved to another prediction: at once, or eased.
struct SwitchingExperiment {
  private let stage: ExperimentStage
  private let sigmas: [Double]
  private let places: [Int]

  init(_ stage: ExperimentStage) throws {
    let file = stage.file
    self.stage = stage
    sigmas = try file.required(file.sigmas, .sigmas)
    places = try file.measuredSteps()
  }

  func report() async throws -> ExperimentReport {
    var baseError = Double.nan
    let bases = try await stage.trainBases { run, _ in
      baseError = geometricMean(try run.cleanErrors(sigmas: sigmas))
    }
    let curves = try await stage.forEachRun(bases: bases) { run in
      try places.map { place in
        try run.train(until: place)
        return geometricMean(try run.cleanErrors(sigmas: sigmas))
      }
    }
    let means = curves.map { runs in
      places.indices.map { place in MeasuredMean(runs.map { $0[place] }) }
    }
    var table = MarkdownTable(
      ["arm"] + places.map { "after \($0)" } + ["largest on the way"])
    for (arm, (runs, means)) in zip(stage.file.arms, zip(curves, means)) {
      let largest = MeasuredMean(runs.map { $0.max() ?? .nan })
      table.add([arm.name] + means.map(\.text) + [largest.text])
    }
    return ExperimentReport(
      title: "Moving an epsilon model: at once, or eased",
      parts: [
        "x0 error (mean squared error of the estimated clean latents of held-out pictures, geometric mean "
          + "over sigma \(sigmas.map(MeasuredMean.text).joined(separator: ", "))) after so many updates, "
          + "from one model that predicts epsilon, whose own error is "
          + "\(MeasuredMean.text(baseError)). An eased arm is read as it is trained: on its way "
          + "between the two predictions until its transition ends, and as any other model after "
          + "that. The largest error on the way is over the updates above.\n\n" + table.text
      ],
      charts: [
        stage.file.errorChart(
          "Error of x0 after the switch",
          subtitle: "the epsilon model's own error: \(MeasuredMean.text(baseError))", means,
          at: places)
      ])
  }
}
