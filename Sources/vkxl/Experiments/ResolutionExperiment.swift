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

  /// How pictures are drawn, whatever was trained: with the noise of half the side, or with twice that.
  private static let tables: [(name: String, factor: Double)] = [
    ("as at half the side", 1), ("with twice the noise", 2),
  ]

  /// One arm with one seed.
  private struct Outcome {
    var errors: [Double]
    /// Of drawn pictures, by table.
    var distances: [Double]
    /// Of their coarse parts.
    var coarseDistances: [Double]
  }

  func report() async throws -> ExperimentReport {
    let outcomes = try await stage.forEachRun { run in
      try run.train(until: stage.file.steps)
      return try measure(run)
    }
    var table = MarkdownTable(["arm"] + sigmas.map { "x0 error at \(MeasuredMean.text($0))" })
    var drawn = MarkdownTable(["arm", "drawn", "distance", "distance, coarse"])
    var (series, distances): ([LineChart.Series], [LineChart.Series]) = ([], [])
    for (arm, runs) in zip(stage.file.arms, outcomes) {
      let errors = sigmas.indices.map { level in MeasuredMean(runs.map { $0.errors[level] }) }
      table.add([arm.name] + errors.map(\.text))
      series.append(LineChart.Series(arm.name, errors.values(at: sigmas)))
      var bars: [MeasuredMean] = []
      for (index, way) in Self.tables.enumerated() {
        let all = MeasuredMean(runs.map { $0.distances[index] })
        let coarse = MeasuredMean(runs.map { $0.coarseDistances[index] })
        drawn.add([arm.name, way.name, all.text, coarse.text])
        bars += [all, coarse]
      }
      distances.append(
        LineChart.Series(
          arm.name, bars.values(at: bars.indices.map(Double.init)), isConnected: false))
    }
    let bars = ["half", "half, coarse", "twice", "twice, coarse"]
    return ExperimentReport(
      title: "Resolution: twice the canvas, with and without noise that grows with it",
      parts: [
        "The pictures are those of half the side, enlarged, and every arm starts from a model of its own "
          + "prediction that was trained at half the side.\n\nx0 error by noise level on held-out "
          + "pictures:\n\n" + table.text,
        "Sliced Wasserstein distance of \(pictures) drawn latents (\(samplerSteps) Euler steps, no "
          + "guidance) from those of the training pictures whose captions they have, of all latent "
          + "pixels and of the means over blocks of \(Self.block)x\(Self.block). Each model is drawn "
          + "from both ways: with the shift or the largest sigma that half the side has, and with "
          + "twice that. A ramp of sigmas begins at the largest one, as if the noise there were all.\n\n"
          + drawn.text,
      ],
      charts: [
        LineChart(
          title: "Distance of drawn pictures from real ones", xTitle: "",
          yTitle: "sliced Wasserstein distance", xScale: .named(bars), series: distances),
        LineChart(
          title: "Error of x0 by noise level", xTitle: "sigma", yTitle: "mean squared error",
          xScale: .logarithmic, yScale: .logarithmic, series: series),
      ])
  }

  private func measure(_ run: ExperimentRun) throws -> Outcome {
    let errors = try run.cleanErrors(sigmas: sigmas)
    let side = run.configuration.data.resolution
    let half = side * side / 4
    let real = try run.firstLatents(pictures)
    let values = real.map(\.values)
    func coarse(_ set: [[Float]]) -> [[Float]] { set.map { Self.blockMeans($0, side: side / 8) } }
    let drawn = try Self.tables.map { _, factor in
      let ramp = run.objective.sigmas?.maximum(
        pixels: half, limit: run.objective.schedule.largestFiniteSigma)
      let process = run.process(
        steps: samplerSteps, spacing: ramp == nil ? .trailing : .karras, pixels: half
      ) {
        $0.shift *= factor
        $0.rampMaximum = ramp.map { $0 * factor }
      }
      return try run.draw(real.map(\.caption), height: side, width: side, process)
    }
    return Outcome(
      errors: errors, distances: drawn.map { slicedWasserstein($0, values) },
      coarseDistances: drawn.map { slicedWasserstein(coarse($0), coarse(values)) })
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
