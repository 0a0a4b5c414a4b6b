import Data
import Foundation
import Graph
import Train

/// How large gradients are, and how much they differ, where noise is little and where it is much.
struct GradientExperiment {
  private let stage: ExperimentStage
  private let bands: Int
  private let draws: Int

  init(_ stage: ExperimentStage) throws {
    let file = stage.file
    self.stage = stage
    bands = try file.required(file.bands, .bands)
    draws = try file.required(file.draws, .draws)
  }

  /// Norms of one arm with one seed, by band.
  private struct Outcome {
    var atStart: [BandNorms]
    var atEnd: [BandNorms]
  }

  /// Gradient norms of batches in one band.
  private struct BandNorms {
    var mean: Double
    /// Variance over the batches.
    var variance: Double

    init(_ norms: [Double]) {
      let mean = norms.reduce(0, +) / Double(norms.count)
      self.mean = mean
      variance =
        norms.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, norms.count - 1))
    }

    /// Standard deviation over mean.
    var spread: Double { variance.squareRoot() / mean }
  }

  func report() async throws -> ExperimentReport {
    let outcomes = try await stage.forEachRun { run in
      let program = try program(run)
      let atStart = try norms(run, program)
      try run.train(until: stage.file.steps)
      return Outcome(atStart: atStart, atEnd: try norms(run, program))
    }
    let centres = (0..<bands).map { (Double($0) + 0.5) * 1000 / Double(bands) }
    func means(_ runs: [Outcome], _ norms: (Outcome) -> [BandNorms], _ field: (BandNorms) -> Double)
      -> [MeasuredMean]
    {
      (0..<bands).map { band in MeasuredMean(runs.map { field(norms($0)[band]) }) }
    }
    func table(_ norms: (Outcome) -> [BandNorms]) -> String {
      let others = stage.file.arms.indices.dropFirst()
      var table = MarkdownTable(
        ["timesteps"]
          + stage.file.arms.flatMap { ["\($0.name): mean", "variance", "deviation / mean"] }
          + others.map { "\(stage.file.arms[$0].name) to \(stage.file.arms[0].name)" })
      let columns = outcomes.flatMap { runs in
        [means(runs, norms, \.mean), means(runs, norms, \.variance), means(runs, norms, \.spread)]
      }
      for band in 0..<bands {
        let width = 1000 / bands
        let ratios = others.map { arm in
          MeasuredRatio(
            zip(outcomes[arm], outcomes[0]).map {
              norms($0)[band].spread / norms($1)[band].spread
            })
        }
        table.add(
          ["\(band * width) to \((band + 1) * width - 1)"] + columns.map { $0[band].text }
            + ratios.map(\.text))
      }
      return table.text
    }
    let trained = stage.file.steps
    func chart(
      _ title: String, _ yTitle: String, _ norms: (Outcome) -> [BandNorms],
      _ field: (BandNorms) -> Double
    ) -> LineChart {
      LineChart(
        title: title, subtitle: "by band of timesteps; bars: 95 % interval over seeds",
        xTitle: "timestep", yTitle: yTitle, yScale: .logarithmic,
        series: zip(stage.file.arms, outcomes).map {
          LineChart.Series($0.name, means($1, norms, field).values(at: centres))
        })
    }
    return ExperimentReport(
      title: "Gradient stability: norms by noise band",
      parts: [
        "Global norm of the gradient of batches whose timesteps are drawn from one band, \(draws) "
          + "batches a band, weights as they are; how much it varies is its standard deviation over "
          + "batches divided by its mean. The last columns are how many times as much it varies as "
          + "that of the first arm with the same seed, pictures, timesteps and noise (geometric mean "
          + "over seeds and its interval; where that holds 1, nothing is shown). A timestep of the "
          + "schedule with zero terminal SNR is noisier than the same of the plain one, most of all the last. Before training:\n\n"
          + table(\.atStart),
        "After \(stage.file.steps) steps:\n\n" + table(\.atEnd),
      ],
      charts: [
        chart("Mean gradient norm before training", "global gradient norm", \.atStart, \.mean),
        chart(
          "Mean gradient norm after \(trained) steps", "global gradient norm", \.atEnd, \.mean),
        chart("Spread after \(trained) steps", "deviation / mean", \.atEnd, \.spread),
      ])
  }

  /// Forward, backward and norm on the run's own weights.
  private func program(_ run: ExperimentRun) throws -> any Program {
    let storage = run.trainer.settings.storage
    let graph = MicroStep.graph(
      run.data.batchShapes[0], noise: .given, gradients: .norms, scalesLoss: storage.scalesLoss,
      denoiser: UNetRunner.denoiser(run.stage.unet, storage: storage))
    return try run.trainer.store.load(run.stage.backend.plan(graph))
  }

  private func norms(_ run: ExperimentRun, _ program: any Program) throws -> [BandNorms] {
    try (0..<bands).map { band in
      BandNorms(
        try (0..<draws).map { draw in try norm(run, program, band: band, draw: draw) })
    }
  }

  /// The gradient norm of one batch: all objectives see the same pictures, timesteps and noise.
  private func norm(
    _ run: ExperimentRun, _ program: any Program, band: Int, draw: Int
  ) throws -> Double {
    let key = band * draws + draw
    let batch = try run.data.batches(update: key, accumulation: 1)[0]
    let (shape, n) = (batch.shape, batch.shape.samples)
    let chances = SamplingProcess.stepNoise(
      seed: UInt64(run.seed), step: 9000 + key,
      BatchShape(samples: n, height: 1, width: 1, channels: 1, contextWidth: 1, pooledWidth: 1))
    let draws = chances.map { chance in
      // Of a normal number, the share that lies below is uniform.
      let share = erfc(-Double(chance) / 2.0.squareRoot()) / 2
      let timestep = min(((Double(band) + share) * 1000 / Double(bands)).rounded(.down), 999)
      return run.objective.draw(
        at: run.objective.prediction == .flow ? (timestep + 0.5) / 1000 : timestep)
    }
    var inputs = batch.inputs(at: draws, weights: [Float](repeating: 1 / Float(n), count: n))
    inputs["noise"] = TensorData(
      shape.latents, SamplingProcess.stepNoise(seed: UInt64(run.seed), step: 5000 + key, shape))
    return Double(try program.run(inputs)["gradient_norm"]?.floats.first ?? .nan)
  }
}
