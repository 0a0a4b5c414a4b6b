import Data
import Foundation
import Train

/// Twice the canvas, with and without noise that grows with it.
struct ResolutionExperiment {
  private let stage: ExperimentStage
  private let sigmas: [Double]
  private let pictures: Int
  private let samplerSteps: Int
  /// Side of the blocks whose means are a picture's coarse part, in latent pixels.
  private static let block = 4

  init(_ stage: ExperimentStage) throws {
    let file = stage.file
    self.stage = stage
    sigmas = try file.required(file.sigmas, .sigmas)
    pictures = try file.required(file.pictures, .pictures)
    samplerSteps = try file.required(file.samplerSteps?.first, .samplerSteps)
  }

  /// One arm with one seed.
  private struct Outcome {
    var errors: [Double]
    var distance: Double
    var coarseDistance: Double
  }

  func report() async throws -> ExperimentReport {
    let outcomes = try await stage.forEachRun { run in
      try run.train(until: stage.file.steps)
      return try measure(run)
    }
    var table = MarkdownTable(
      ["arm"] + sigmas.map { "x0 error at \(MeasuredMean.text($0))" }
        + ["distance", "distance, coarse"])
    var series: [LineChart.Series] = []
    for (arm, runs) in zip(stage.file.arms, outcomes) {
      let errors = sigmas.indices.map { level in MeasuredMean(runs.map { $0.errors[level] }) }
      table.add(
        [arm.name] + errors.map(\.text) + [
          MeasuredMean(runs.map(\.distance)).text, MeasuredMean(runs.map(\.coarseDistance)).text,
        ])
      series.append(LineChart.Series(arm.name, errors.values(at: sigmas)))
    }
    let bars = [("all", \Outcome.distance), ("coarse", \Outcome.coarseDistance)]
    let distances = zip(stage.file.arms, outcomes).map { arm, runs in
      LineChart.Series(
        arm.name,
        bars.enumerated().map { place, bar in
          MeasuredMean(runs.map { $0[keyPath: bar.1] }).value(at: Double(place))
        }, isConnected: false)
    }
    return ExperimentReport(
      title: "Resolution: twice the canvas, with and without noise that grows with it",
      parts: [
        "The pictures are those of half the side, enlarged. x0 error by noise level on held-out "
          + "pictures, and sliced Wasserstein distance of \(pictures) drawn latents (\(samplerSteps) "
          + "Euler steps, no guidance, the arm's own shift or ramp) from those of the training pictures "
          + "whose captions they have: of all latent pixels, and of the means over blocks of "
          + "\(Self.block)x\(Self.block). An arm differs both in what is trained and in how is drawn; "
          + "arms of different predictions had unequal starts.\n\n" + table.text
      ],
      charts: [
        LineChart(
          title: "Distance of drawn pictures from real ones", xTitle: "",
          yTitle: "sliced Wasserstein distance", xScale: .named(bars.map(\.0)),
          series: distances),
        LineChart(
          title: "Error of x0 by noise level", xTitle: "sigma", yTitle: "mean squared error",
          xScale: .logarithmic, yScale: .logarithmic, series: series),
      ])
  }

  private func measure(_ run: ExperimentRun) throws -> Outcome {
    let errors = try run.cleanErrors(sigmas: sigmas)
    let side = run.configuration.data.resolution
    let pixels = side * side
    let real = Array(try ExperimentRun.latents(run.data).prefix(pictures))
    let ramp = run.objective.sigmas?.maximum(
      pixels: pixels, limit: run.objective.schedule.largestFiniteSigma)
    let process = run.process(
      steps: samplerSteps, spacing: ramp == nil ? .native : .karras, pixels: pixels
    ) {
      $0.rampMaximum = ramp
      $0.beginsAtTerminal = true
    }
    let drawn = try run.draw(real.map(\.caption), height: side, width: side, process)
    let values = real.map(\.values)
    func coarse(_ set: [[Float]]) -> [[Float]] { set.map { Self.blockMeans($0, side: side / 8) } }
    return Outcome(
      errors: errors, distance: slicedWasserstein(drawn, values),
      coarseDistance: slicedWasserstein(coarse(drawn), coarse(values)))
  }

  /// Means over square blocks of latents [side, side, C].
  static func blockMeans(_ values: [Float], side: Int) -> [Float] {
    let channels = values.count / (side * side)
    let cells = side / block
    var means = [Float](repeating: 0, count: cells * cells * channels)
    for y in 0..<cells * block {
      for x in 0..<cells * block {
        for channel in 0..<channels {
          means[(y / block * cells + x / block) * channels + channel] +=
            values[(y * side + x) * channels + channel]
        }
      }
    }
    return means.map { $0 / Float(block * block) }
  }
}
