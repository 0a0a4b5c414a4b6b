import Data
import Foundation
import Train

/// An epsilon model is moved to another prediction: at once, or eased.
struct SwitchingExperiment {
  private let stage: ExperimentStage
  private let sigmas: [Double]
  private let places: [Int]
  private let baseSteps: Int

  init(_ stage: ExperimentStage) throws {
    let file = stage.file
    self.stage = stage
    sigmas = try file.required(file.sigmas, .sigmas)
    places = try file.measuredSteps()
    baseSteps = try file.required(file.baseSteps, .baseSteps)
  }

  func report() async throws -> ExperimentReport {
    let base = try await ExperimentRun(
      stage, ExperimentFile.Arm(name: "epsilon", set: ["objective.type=epsilon"]), seed: 0,
      steps: baseSteps)
    try base.train(until: baseSteps)
    let baseError = geometricMean(try base.cleanErrors(sigmas: sigmas))
    stage.note("the epsilon model's own x0 error: \(MeasuredMean.text(baseError))")
    let curves = try await stage.forEachRun(start: try base.weights()) { run in
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
          + "from one model that predicts epsilon (\(baseSteps) steps from the start that the file "
          + "names; its own error: \(MeasuredMean.text(baseError))).\n\n" + table.text
      ],
      charts: [
        stage.file.errorChart(
          "Error of x0 after the switch",
          subtitle: "the epsilon model's own error: \(MeasuredMean.text(baseError))", means,
          at: places)
      ])
  }
}
