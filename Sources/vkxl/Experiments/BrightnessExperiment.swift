import Data
import Foundation
import Model
import Train

/// Which objectives reach the brightness that a prompt asks for, beside the closed form.
///
///     reached / asked = 1 - sqrt(N tau^2 / (N tau^2 + sigma_max^2))
///
/// for an ideal network that starts from pure noise at sigma_max, where N is the number of latent pixels
/// and tau the standard deviation of the mean of the prompt's pictures.
struct BrightnessExperiment {
  private let stage: ExperimentStage
  private let pictures: Int
  private let samplerSteps: Int
  /// Sampler steps of the ideal network: so many that they hardly matter.
  private static let idealSteps = 250

  init(_ stage: ExperimentStage) throws {
    let file = stage.file
    self.stage = stage
    pictures = try file.required(file.pictures, .pictures)
    samplerSteps = try file.required(file.samplerSteps?.first, .samplerSteps)
  }

  /// What a caption asks for: the mean of its pictures along a pattern, and their spread.
  ///
  /// The pattern is a direction over the channels times weights over the pixels: 1 / N each for plain
  /// pictures, and -2 / N to the left and 2 / N to the right where the contrast of two halves is asked
  /// for.
  struct CaptionMean {
    var caption: String
    /// Unit vector over the channels.
    var direction: [Double]
    /// One for each latent pixel.
    let weights: [Double]
    /// What is asked for.
    var length: Double
    /// Standard deviation of the pictures along the pattern.
    var spread: Double

    /// Whether its pictures differ by more than rounding.
    var hasSpread: Bool { spread > 1e-6 * length }

    /// N of the closed form: pixels over which noise is averaged away.
    let pixelCount: Double

    init(
      caption: String, direction: [Double], weights: [Double], length: Double, spread: Double
    ) {
      self.caption = caption
      self.direction = direction
      self.weights = weights
      self.length = length
      self.spread = spread
      pixelCount = 1 / weights.reduce(0) { $0 + $1 * $1 }
    }

    /// Share of `length` that an ideal network reaches from pure noise at a noise level.
    func reached(sigmaMax: Double) -> Double {
      let between = pixelCount * spread * spread
      guard between > 0, sigmaMax.isFinite else { return 1 }
      return 1 - (between / (between + sigmaMax * sigmaMax)).squareRoot()
    }

    /// Latents [pixels, C] along the pattern.
    func position(_ latents: [Float]) -> Double {
      let channels = direction.count
      return latents.enumerated().reduce(0) { sum, element in
        let (index, value) = element
        return sum + Double(value) * direction[index % channels] * weights[index / channels]
      }
    }

    /// Takes a pattern's part out of noise: what is left is as noise is on average.
    func remove(from noise: inout [Float]) {
      let part = position(noise)
      for index in noise.indices { noise[index] -= Float(part * unit(index)) }
    }

    /// An element of the latents whose position is 1 and that have nothing beside the pattern.
    func unit(_ index: Int) -> Double {
      direction[index % direction.count] * weights[index / direction.count] * pixelCount
    }
  }

  func report() async throws -> ExperimentReport {
    var means: [CaptionMean] = []
    var side = 0
    var ideal: [[Double]] = []
    var closed: [[Double]] = []
    let outcomes = try await stage.forEachRun { run -> [[Double]] in
      if means.isEmpty {
        (means, side) = (try Self.means(run), run.configuration.data.resolution)
      }
      if run.seed == stage.file.seeds[0] {
        let sigmaMax = process(run).table.levels(run.objective.prediction)[0].sigma
        closed.append(means.map { $0.reached(sigmaMax: sigmaMax) })
        ideal.append(
          try means.map {
            try Self.idealReached(
              $0, run.objective.prediction, process(run, steps: Self.idealSteps))
          })
      }
      try run.train(until: stage.file.steps)
      return try reached(run, means)
    }
    return report(side, means, closed, ideal, outcomes)
  }

  private func report(
    _ side: Int, _ means: [CaptionMean], _ closed: [[Double]], _ ideal: [[Double]],
    _ outcomes: [[[[Double]]]]
  ) -> ExperimentReport {
    var asked = MarkdownTable(["caption", "asked", "tau", "N"])
    for mean in means {
      asked.add([
        mean.caption, MeasuredMean.text(mean.length),
        mean.hasSpread ? MeasuredMean.text(mean.spread) : "0",
        MeasuredMean.text(mean.pixelCount),
      ])
    }
    var table = MarkdownTable(["arm", ""] + means.map(\.caption))
    for (index, arm) in stage.file.arms.enumerated() {
      func known(_ shares: [Double]) -> [String] {
        zip(means, shares).map { $0.hasSpread ? MeasuredMean.text($1) : "no spread" }
      }
      table.add([arm.name, "closed form"] + known(closed[index]))
      table.add(["", "ideal network, \(Self.idealSteps) steps"] + known(ideal[index]))
      table.add(
        ["", "trained network, \(samplerSteps) steps"]
          + trained(outcomes[index], means).map(\.text))
    }
    let names = PlainPictures.captions.map(\.name)
    let series = zip(stage.file.arms, outcomes).map { arm, runs in
      LineChart.Series(
        arm.name, trained(runs, means).values(at: means.indices.map(Double.init)),
        isConnected: false)
    }
    let leaky = closed.min { $0.reduce(0, +) < $1.reduce(0, +) } ?? []
    let form = LineChart.Series(
      "closed form at 14.6",
      leaky.enumerated().filter { means[$0.offset].hasSpread }
        .map { LineChart.Value(Double($0.offset), $0.element) },
      isConnected: false)
    return ExperimentReport(
      title: "Black, white and colour: reaching the brightness that a prompt asks for",
      parts: [
        "Pictures of plain colour and of two halves, \(side) pixels a side. What a "
          + "caption asks for is the mean of its pictures' latents, a vector over the channels (of "
          + "two halves: the right one's less the left one's); what is reached is the mean of the "
          + "drawn latents along it, as a share of its length (\(pictures) pictures from noise "
          + "that has no part along it, as it has on average; \(samplerSteps) Euler steps from the end of the schedule, no "
          + "guidance).\n\n" + asked.text,
        "Share reached. The closed form and the ideal network say what a caption's spread does; one "
          + "whose pictures are all the same has none.\n\n" + table.text,
      ],
      charts: [
        LineChart(
          title: "Share of the asked brightness that is reached",
          subtitle: "1 is right; bars: 95 % interval over seeds", xTitle: "caption",
          yTitle: "reached / asked", xScale: .named(names), series: series + [form])
      ])
  }

  /// Share reached by caption: mean over pictures, interval over seeds.
  private func trained(_ runs: [[[Double]]], _ means: [CaptionMean]) -> [MeasuredMean] {
    means.indices.map { caption in
      MeasuredMean(runs.map { $0[caption].reduce(0, +) / Double(pictures) })
    }
  }

  /// Share reached by each picture, by caption.
  private func reached(_ run: ExperimentRun, _ means: [CaptionMean]) throws -> [[Double]] {
    let captions = means.flatMap { [String](repeating: $0.caption, count: pictures) }
    let side = run.configuration.data.resolution
    let drawn = try run.draw(
      captions, height: side, width: side, batch: 8, process(run), opposed: true
    ) {
      means[$0 / pictures].remove(from: &$1)
    }
    return means.enumerated().map { index, mean in
      drawn[index * pictures..<(index + 1) * pictures].map { mean.position($0) / mean.length }
    }
  }

  private func process(_ run: ExperimentRun, steps: Int? = nil) -> SamplingProcess {
    let side = run.configuration.data.resolution
    return run.process(
      steps: steps ?? samplerSteps, spacing: .trailing, pixels: side * side)
  }

  /// Directions, lengths and spreads from the cached latents.
  static func means(_ run: ExperimentRun) throws -> [CaptionMean] {
    let latents = try ExperimentRun.latents(run.data)
    return PlainPictures.captions.map { caption, _ in
      CaptionMean(
        caption, latents.filter { $0.caption == caption }.map(\.values),
        comparesHalves: caption == PlainPictures.contrast)
    }
  }

  /// What a network reaches that knows the caption's distribution: x0 is the pattern, normal in size.
  /// The noise has no part along it, as it has on average.
  static func idealReached(
    _ mean: CaptionMean, _ prediction: PredictionType, _ process: SamplingProcess
  ) throws -> Double {
    let shape = BatchShape(
      samples: 1, height: 1, width: mean.weights.count, channels: mean.direction.count,
      contextWidth: 1, pooledWidth: 1)
    var noise = SamplingProcess.stepNoise(seed: 0, step: 0, shape)
    mean.remove(from: &noise)
    let levels = process.table.levels(prediction)
    var index = 0
    func network(_ z: [Float], _ time: Float) -> [Float] {
      let level = levels[index]
      index += 1
      let variance = level.noise * level.noise / mean.pixelCount
      let prior = mean.spread * mean.spread
      let place =
        (mean.length * variance + level.signal * prior * mean.position(z))
        / (variance + level.signal * level.signal * prior)
      return z.enumerated().map { element, value in
        let x0 = place * mean.unit(element)
        let noise = (Double(value) - level.signal * x0) / level.noise
        return switch prediction {
        case .epsilon: Float(noise)
        case .v: Float(level.signal * noise - level.noise * x0)
        case .flow: Float(noise - x0)
        }
      }
    }
    let latents = try process.sample(noise: noise, stepNoise: { _ in [] }, network: network)
    return mean.position(latents) / mean.length
  }
}

extension BrightnessExperiment.CaptionMean {
  /// - Parameters:
  ///   - latents: of the caption's pictures, each [side, side, channels]
  ///   - comparesHalves: whether the right half less the left one is asked for, else the mean
  init(_ caption: String, _ latents: [[Float]], channels: Int = 4, comparesHalves: Bool = false) {
    let count = (latents.first?.count ?? 0) / channels
    let side = Int(Double(count).squareRoot())
    let weights = (0..<count).map { pixel in
      guard comparesHalves else { return 1 / Double(count) }
      return (pixel % side < side / 2 ? -2 : 2) / Double(count)
    }
    let means = latents.map { values in
      (0..<channels).map { channel in
        weights.enumerated().reduce(0) { $0 + $1.1 * Double(values[$1.0 * channels + channel]) }
      }
    }
    let pictures = Double(max(1, means.count))
    let mean = (0..<channels).map { channel in means.reduce(0) { $0 + $1[channel] } / pictures }
    let length = mean.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let direction = mean.map { $0 / length }
    let places = means.map { zip($0, direction).reduce(0) { $0 + $1.0 * $1.1 } }
    let variance = places.reduce(0) { $0 + ($1 - length) * ($1 - length) } / pictures
    self.init(
      caption: caption, direction: direction, weights: weights, length: length,
      spread: variance.squareRoot())
  }
}
