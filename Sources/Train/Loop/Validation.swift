import Foundation
import Graph

/// Loss of the held-out samples.
public struct ValidationReport: Sendable, Equatable {
  /// Updates done.
  public var step: Int
  /// Mean over samples of the squared error in each quarter of the time, from clean to noise.
  public var bands: [Double]

  public init(step: Int, bands: [Double]) {
    self.step = step
    self.bands = bands
  }

  /// Mean over the bands.
  public var loss: Double { bands.reduce(0, +) / Double(max(1, bands.count)) }
}

/// Measures the mean squared error of held-out samples at fixed times and fixed noise.
///
/// Sample i is shown once in each band b of B, at
///
///     u = (b + frac((i + 1/2) / golden ratio)) / B,    t = u for flow, timestep = floor(1000 u) for others
///
/// with white noise of key (0, validation, b, i) and the mean of the VAE's distribution: neither the
/// run's seed nor its batch size, noise options, loss or weights matter, so that runs of one objective
/// can be compared. While a network is moved from epsilon, its error counts in terms of the target that
/// it is moved to.
final class Validation {
  static let bandCount = 4
  private let data: TrainingData
  private let objective: Objective
  private let store: any Store
  private let programs: [BatchShape: any Program]

  /// - Parameter store: with the network's parameters
  init(
    _ data: TrainingData, _ objective: Objective, _ backend: any Backend, _ store: any Store,
    denoiser: Denoiser
  ) throws {
    self.data = data
    self.objective = objective
    self.store = store
    var programs: [BatchShape: any Program] = [:]
    for shape in data.batchShapes {
      programs[shape] = try store.load(backend.plan(Self.graph(shape, denoiser)))
    }
    self.programs = programs
  }

  /// What is computed for a batch: the plan's memory is known before the run.
  static func graph(_ shape: BatchShape, _ denoiser: Denoiser) -> Graph {
    MicroStep.graph(shape, gradients: .none, denoiser: denoiser)
  }

  /// - Parameter step: updates done
  func measure(step: Int) throws -> ValidationReport {
    var sums = [Double](repeating: 0, count: Self.bandCount)
    var count = 0
    for index in 0..<data.order.stepsPerEpoch {
      let (batch, samples) = try data.heldOutBatch(at: index)
      count += samples.count
      for band in sums.indices {
        let losses = try losses(batch, samples, band: band, step: step)
        sums[band] += losses.reduce(0, +)
      }
    }
    return ValidationReport(step: step, bands: sums.map { $0 / Double(max(1, count)) })
  }

  /// Where sample `sample` is shown in a band, on [0, 1).
  static func position(band: Int, sample: Int) -> Double {
    let golden = (1 + 5.0.squareRoot()) / 2
    let place = (Double(sample) + 0.5) / golden
    return (Double(band) + place - place.rounded(.down)) / Double(bandCount)
  }

  /// Squared error of each real sample, in terms of the objective's own target.
  /// - Parameter samples: indices of the real ones, which come first in the batch
  private func losses(
    _ batch: LatentBatch, _ samples: [Int], band: Int, step: Int
  ) throws -> [Double] {
    guard let program = programs[batch.shape] else {
      preconditionFailure("a batch of a shape that no held-out sample has")
    }
    let n = batch.shape.samples
    let progress = objective.easing?.progress(at: step) ?? 1
    // Rows that only fill up repeat the first sample's time.
    let rows = (0..<n).map { $0 < samples.count ? samples[$0] : samples[0] }
    let times = rows.map { time(Self.position(band: band, sample: $0)) }
    let draws = times.map { objective.draw(at: $0, progress: progress) }
    let keys = rows.flatMap {
      SampleRandom.keys(seed: 0, step: band, sample: $0, stream: .validation)
    }
    var inputs = batch.inputs(at: draws, weights: batch.weights)
    inputs["noise.keys"] = TensorData([n, 5], keys)
    let results = try program.run(inputs)
    let losses = results["sample.losses"]?.floats ?? []
    return zip(losses, times).prefix(samples.count).map { loss, time in
      let own = objective.parametrization(at: time)
      let factor = objective.parametrization(at: time, progress: progress).errorFactor(to: own)
      return Double(loss) * factor * factor
    }
  }

  private func time(_ position: Double) -> Double {
    objective.prediction == .flow
      ? position : (position * Double(NoiseSchedule.timestepCount)).rounded(.down)
  }
}

extension TrainingRun {
  /// Nil when nothing is held out.
  func makeValidation(_ trainer: Trainer) throws -> Validation? {
    guard let heldOut else { return nil }
    return try Validation(
      heldOut, run.settings.objective, backend, trainer.store, denoiser: denoiser)
  }
}
