import Foundation
import Graph
import Train

extension ExperimentRun {
  /// Mean squared error of the estimated clean latents at noise levels common to all objectives.
  ///
  ///     E |x0_hat - x0|^2 / elements,   x0_hat of the network's output for x0 and noise at
  ///     sigma = noise / signal: t = sigma / (1 + sigma) for flow, the timestep by interpolation in
  ///     log sigma for epsilon and v
  ///
  /// Over the held-out pictures with their captions; the noise of (level, picture) is the same for
  /// every run. Beyond the end of a schedule its last timestep is told, at the level asked for.
  func cleanErrors(sigmas: [Double]) throws -> [Double] {
    guard let heldOut else { preconditionFailure("an experiment without held-out pictures") }
    let progress = objective.easing?.progress(at: trainer.step) ?? 1
    var sums = [Double](repeating: 0, count: sigmas.count)
    var count = 0
    for index in 0..<heldOut.order.stepsPerEpoch {
      let (batch, samples) = try heldOut.heldOutBatch(at: index)
      count += samples.count
      for (level, sigma) in sigmas.enumerated() {
        sums[level] += try squaredError(batch, samples, sigma, level: level, progress).reduce(0, +)
      }
    }
    return sums.map { $0 / Double(max(1, count)) }
  }

  /// Mean squared error of each real sample of a batch.
  private func squaredError(
    _ batch: LatentBatch, _ samples: [Int], _ sigma: Double, level: Int, _ progress: Double
  ) throws -> [Double] {
    let parametrization = parametrization(sigma: sigma, progress: progress)
    let size = batch.latents.count / batch.shape.samples
    var single = batch.shape
    single.samples = 1
    let noise = (0..<batch.shape.samples).flatMap { row in
      SamplingProcess.stepNoise(
        seed: UInt64(row < samples.count ? samples[row] : samples[0]), step: 1000 + level, single)
    }
    let (signal, deviation) = (Float(parametrization.signal), Float(parametrization.noise))
    let input = zip(batch.latents, noise).map { signal * $0 + deviation * $1 }
    let output = try unet.predict(
      batch.shape, latents: input,
      time: [Float](repeating: Float(parametrization.time), count: batch.shape.samples),
      context: batch.context, pooled: batch.pooled, timeIDs: batch.timeIDs)
    let estimate = parametrization.estimate(input: input, output: output, least: 1e-3).x0
    return samples.indices.map { row in
      let range = row * size..<(row + 1) * size
      let squares = zip(estimate[range], batch.latents[range]).reduce(0.0) {
        $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1)
      }
      return squares / Double(size)
    }
  }

  /// What the network is given and asked for at a noise level.
  private func parametrization(sigma: Double, progress: Double) -> Parametrization {
    let time =
      objective.prediction == .flow
      ? sigma / (1 + sigma) : objective.schedule.timestep(sigma: sigma)
    var own = Objective(prediction: objective.prediction, schedule: objective.schedule)
      .parametrization(at: time)
    if objective.prediction != .flow, sigma > objective.schedule.largestFiniteSigma {
      let signal = 1 / (1 + sigma * sigma).squareRoot()
      own = Parametrization(
        objective.prediction, time: own.time, signal: signal, noise: sigma * signal)
    }
    return objective.easing == nil ? own : own.eased(progress: progress)
  }

  /// The sampler's walk for this run's objective.
  func process(
    steps: Int, method: SamplingMethod = .euler, spacing: Spacing = .native, pixels: Int,
    change: (inout TableSettings) -> Void = { _ in }
  ) -> SamplingProcess {
    var settings = TableSettings(
      steps: steps, method: method, spacing: spacing,
      shift: objective.times.shift.value(pixels: pixels))
    change(&settings)
    let table = SamplingTable(
      prediction: objective.prediction, schedule: objective.schedule, settings)
    return SamplingProcess(
      prediction: objective.prediction, table: table, method: method,
      easingProgress: objective.easing?.progress(at: trainer.step) ?? 1)
  }

  /// Draws latents without guidance, [h, w, 4] as the UNet has them, one for each caption.
  ///
  /// The noise of a picture depends on its place in the list alone.
  /// - Parameters:
  ///   - opposed: whether every second picture begins with the opposite of the noise before it, so that
  ///     means over pictures keep nothing of what goes with the noise's sign (antithetic variates)
  ///   - change: of the noise that the picture at a place begins with
  func draw(
    _ captions: [String], height: Int, width: Int, batch: Int = 16, _ process: SamplingProcess,
    opposed: Bool = false, change: (Int, inout [Float]) -> Void = { _, _ in }
  ) throws -> [[Float]] {
    var drawn: [[Float]] = []
    while drawn.count < captions.count {
      let first = drawn.count
      let places = (first..<first + batch).map { min($0, captions.count - 1) }
      drawn += try draw(
        places, captions, height: height, width: width, process, opposed: opposed, change: change
      )
      .prefix(captions.count - first)
    }
    return drawn
  }

  private func draw(
    _ places: [Int], _ captions: [String], height: Int, width: Int, _ process: SamplingProcess,
    opposed: Bool, change: (Int, inout [Float]) -> Void
  ) throws -> [[Float]] {
    let texts = try places.map { try data.conditioning(ofCaption: captions[$0]) }
    let (context, pooled) = (texts.flatMap(\.context), texts.flatMap(\.pooled))
    let shape = BatchShape(
      samples: places.count, height: height / 8, width: width / 8,
      tokens: texts[0].context.count / stage.unet.contextWidth,
      contextWidth: stage.unet.contextWidth, pooledWidth: stage.unet.pooledWidth)
    var single = shape
    single.samples = 1
    func noise(_ place: Int, step: Int) -> [Float] {
      SamplingProcess.stepNoise(seed: UInt64(place), step: step, single)
    }
    let begin = places.flatMap { place -> [Float] in
      var begin = noise(opposed ? place / 2 * 2 : place, step: 0)
      if opposed, place % 2 == 1 { begin = begin.map { -$0 } }
      change(place, &begin)
      return begin
    }
    let size = [Float(height), Float(width)]
    let timeIDs = places.flatMap { _ -> [Float] in size + [0, 0] + size }
    let latents = try process.sample(
      noise: begin, stepNoise: { step in places.flatMap { noise($0, step: step + 1) } },
      network: { [unet] input, time in
        try unet.predict(
          shape, latents: input, time: [Float](repeating: time, count: places.count),
          context: context, pooled: pooled, timeIDs: timeIDs)
      })
    let count = latents.count / places.count
    return places.indices.map { Array(latents[$0 * count..<($0 + 1) * count]) }
  }
}

/// Sliced Wasserstein distance (of order 2) between two sets of vectors.
///
///     W^2 = mean over unit directions u of  integral (F^-1(q) - G^-1(q))^2 dq
///
/// F and G are the distributions of the sets projected on u. Directions are those of a fixed seed.
/// - Source: Rabin et al. 2011; Bonneel et al. 2015 (doi 10.1007/s10851-014-0506-3).
func slicedWasserstein(_ a: [[Float]], _ b: [[Float]], directions: Int = 256) -> Double {
  guard let size = a.first?.count, !b.isEmpty else { return .nan }
  let shape = BatchShape(
    samples: 1, height: 1, width: size, channels: 1, contextWidth: 1, pooledWidth: 1)
  var sum = 0.0
  for direction in 0..<directions {
    let normal = SamplingProcess.stepNoise(seed: 0x51, step: direction, shape).map { Double($0) }
    let norm = normal.reduce(0) { $0 + $1 * $1 }.squareRoot()
    func projected(_ set: [[Float]]) -> [Double] {
      set.map { vector in
        zip(vector, normal).reduce(0) { $0 + Double($1.0) * $1.1 } / norm
      }.sorted()
    }
    sum += quantileDistance(projected(a), projected(b))
  }
  return (sum / Double(directions)).squareRoot()
}

/// Integral of the squared difference of two step functions of quantiles, each of sorted values.
private func quantileDistance(_ a: [Double], _ b: [Double]) -> Double {
  var (i, j, place, sum) = (0, 0, 0.0, 0.0)
  while i < a.count, j < b.count {
    let (endA, endB) = (Double(i + 1) / Double(a.count), Double(j + 1) / Double(b.count))
    let end = min(endA, endB)
    sum += (end - place) * (a[i] - b[j]) * (a[i] - b[j])
    place = end
    if endA <= end { i += 1 }
    if endB <= end { j += 1 }
  }
  return sum
}
