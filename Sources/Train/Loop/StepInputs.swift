import Graph

/// Everything that a batch's plan is given in one update: data, noise keys, times, coefficients,
/// weights.
struct StepInputs {
  let settings: TrainerSettings
  /// Updates before this one.
  let step: Int

  /// - Parameters:
  ///   - first: position of the batch's first sample in the update
  ///   - samples: real samples of the update
  func values(_ batch: LatentBatch, first: Int, samples: Float) -> [String: TensorData] {
    let n = batch.shape.samples
    let draws = (0..<n).map { draw(at: first + $0, pixels: batch.pixels) }
    let noiseSamples = noiseSamples(batch, first: first)
    let weights = (0..<n).map {
      batch.weights[$0] * batch.lossWeights[$0] * draws[$0].weight / samples
    }
    var values = batch.inputs(at: draws, weights: weights)
    values["noise.keys"] = keys(noiseSamples, .noise)
    return values.merging(noiseValues(batch.shape, noiseSamples)) { $1 }
  }

  private func draw(at sample: Int, pixels: Int) -> Objective.Draw {
    let random = SampleRandom(seed: settings.seed, step: step, sample: sample)
    let objective = settings.objective
    let time = objective.time(normal: random.normal, uniforms: random.uniforms, pixels: pixels)
    return objective.draw(at: time, progress: objective.easing?.progress(at: step) ?? 1)
  }

  private func keys(_ samples: [Int], _ stream: SampleRandom.Stream) -> TensorData {
    let keys = samples.flatMap {
      SampleRandom.keys(seed: settings.seed, step: step, sample: $0, stream: stream)
    }
    return TensorData([samples.count, 5], keys)
  }

  /// What `MicroStep.Noise.shaped` takes beside the keys.
  private func noiseValues(_ shape: BatchShape, _ samples: [Int]) -> [String: TensorData] {
    var values: [String: TensorData] = [:]
    if settings.noise.hasAddend {
      let addend = samples.flatMap {
        settings.noise.addend(
          height: shape.height, width: shape.width, channels: shape.channels,
          seed: settings.seed, step: step, sample: $0)
      }
      values["noise.addend"] = TensorData(shape.latents, addend)
    }
    if settings.noise.perturbation > 0 {
      values["perturbation.keys"] = keys(samples, .perturbation)
    }
    return values
  }

  /// Whose noise each sample gets: its own, or another's of the batch that lies nearer. Those that
  /// only fill up keep theirs.
  private func noiseSamples(_ batch: LatentBatch, first: Int) -> [Int] {
    let n = batch.shape.samples
    var samples = (0..<n).map { first + $0 }
    let real = (0..<n).filter { batch.weights[$0] > 0 }
    guard settings.pairsByTransport, real.count > 1 else { return samples }
    let size = batch.latents.count / n
    let noise = real.map {
      SampleRandom.normals(
        count: size, seed: settings.seed, step: step, sample: first + $0, stream: .noise)
    }
    let pairs = TransportPairing.noise(
      for: real.map { batch.latents[$0 * size..<($0 + 1) * size] }, among: noise)
    for (index, pair) in zip(real, pairs) { samples[index] = first + real[pair] }
    return samples
  }
}
