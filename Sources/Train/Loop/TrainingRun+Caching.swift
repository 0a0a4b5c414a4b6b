import Data
import Graph
import Model

extension TrainingRun {
  /// Captions of the data and of the pictures to draw.
  private var allCaptions: [String] {
    Set(data.captions + run.samples.flatMap { [$0.prompt, $0.negative] }).sorted()
  }

  /// Fills the cache with text embeddings; the encoders are on the device meanwhile.
  func cacheText() throws {
    let missing = data.missing(allCaptions)
    if missing.isEmpty { return }
    let conditioner = try TextConditioner(
      backend, parts.textConfiguration, weights: parts.textWeights)
    let tokenizer = CLIPTokenizer()
    for (index, caption) in missing.enumerated() {
      let lost = tokenizer.encode(caption).truncatedCount
      if lost > 0 {
        tell(.warning("caption is \(lost) tokens too long, the end is ignored: \(caption)"))
      }
      try data.store(conditioner.encode(caption), for: caption)
      tell(.caching(what: "captions", done: index + 1, total: missing.count))
    }
  }

  /// Fills a cache with the latents of a data set; the VAE is on the device meanwhile.
  /// - Returns: what was encoded, and the images that turned out to be corrupt.
  public static func cacheLatents(
    _ order: TrainingOrder, into cache: ContentCache, _ backend: any Backend,
    _ configuration: VAEConfiguration, weights: ParameterReader, vaeHash: String,
    isolation: isolated (any Actor)? = #isolation, tell: (TrainingEvent) -> Void
  ) async throws -> CachingReport {
    var encoder: LatentEncoder?
    let encode = { (image: LoadedImage) throws -> [CachedTensor] in
      let shape = FrameShape(samples: 1, height: image.shape[0], width: image.shape[1])
      let ready =
        try encoder
        ?? LatentEncoder(backend, configuration, weights: weights, shape: shape)
      encoder = ready
      let (mean, logVariance) = try ready.encode(image.pixels, shape)
      let latent = [shape.height / 8, shape.width / 8, configuration.latentChannels]
      return [
        CachedTensor(name: "mean", shape: latent, values: mean),
        CachedTensor(name: "logvar", shape: latent, values: logVariance),
      ]
    }
    return try await CachingPass(order, into: cache, vaeHash: vaeHash).run(
      progress: { tell(.caching(what: "images", done: $0, total: $1)) }, encode: encode)
  }

  /// Device memory while a data set's images are encoded; nil when all of them are in the cache.
  public static func latentMemory(
    _ order: TrainingOrder, in cache: ContentCache, _ backend: any Backend,
    _ configuration: VAEConfiguration, vaeHash: String
  ) throws -> MemoryPlan? {
    let missing = order.variants.contains { variant in
      let image = order.dataset.samples[variant.sampleIndex].contentHash
      let key = CacheKey.latents(
        imageHash: image, vaeHash: vaeHash, placement: variant.placement)
      return cache.stored(key) == nil
    }
    guard missing else { return nil }
    let shapes = Set(order.dataset.samples.map(\.bucket)).map {
      FrameShape(samples: 1, height: $0.height, width: $0.width)
    }
    let use = try LatentEncoder.memory(backend, configuration, shapes: shapes)
    return MemoryPlan(phases: [("image encoding", use)])
  }

  /// Device memory of the run's phases, planned before anything is allocated.
  public func memoryPlan() throws -> MemoryPlan {
    var phases: [(name: String, use: MemoryUse)] = []
    if !data.missing(allCaptions).isEmpty {
      phases.append(
        ("text encoders", try TextConditioner.memory(backend, parts.textConfiguration)))
    }
    let training = try trainingMemory()
    phases.append(("training", training))
    if let vae = parts.checkpoint.configuration.vae, !run.samples.isEmpty {
      var use = training
      let requests = Set(
        run.samples.map { sample in
          PictureShape(sample: sample).batchShape(unet)
        })
      try UNetRunner.add(Array(requests), to: &use, backend, unet)
      let decoder = try LatentDecoder.memory(
        backend, vae, shapes: Array(Set(run.samples.map(\.latentShape))))
      use.variables += decoder.total
      phases.append(("training with pictures", use))
    }
    return MemoryPlan(phases: phases)
  }

  private func trainingMemory() throws -> MemoryUse {
    let denoiser = UNetRunner.denoiser(unet)
    guard let first = data.batchShapes.first else { return MemoryUse() }
    let parameters = Trainer.parameters(first, denoiser)
    var use = MemoryUse(runsInFlight: Trainer.runsInFlight(accumulation: run.accumulation))
    try use.add(Trainer.variables(parameters), backend)
    let modes: [MicroStep.Gradients] = run.accumulation > 1 ? [.replace, .add] : [.replace]
    for shape in data.batchShapes {
      for mode in modes {
        let graph = MicroStep.graph(
          shape, loss: run.settings.loss, gradients: mode, denoiser: denoiser)
        use.add(try backend.plan(graph), backend)
      }
    }
    let update = UpdateStep.graph(
      parameters.filter(\.isTrained), optimizer: run.settings.optimizer,
      maximumNorm: run.settings.maximumNorm)
    use.add(try backend.plan(update), backend)
    return use
  }
}

/// What decides the shapes of a drawn picture.
private struct PictureShape {
  var sample: SampleDescription

  func batchShape(_ configuration: UNetConfiguration) -> BatchShape {
    let nothing = Conditioning(context: [], pooled: [])
    return PictureRequest(
      positive: nothing, negative: nothing, width: sample.width, height: sample.height,
      guidance: Float(sample.guidance), seed: sample.seed
    ).batchShape(configuration)
  }
}
