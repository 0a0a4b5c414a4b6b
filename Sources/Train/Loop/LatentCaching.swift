import Data
import Graph
import Model

/// Fills a cache with the latents of a data set before training; the VAE is on the device meanwhile.
public struct LatentCaching {
  private let order: TrainingOrder
  private let cache: ContentCache
  private let pass: CachingPass
  private let backend: any Backend
  private let plans: NetworkPlans<LatentEncoder>
  private let configuration: VAEConfiguration
  private let weights: ParameterReader

  /// - Parameter vaeHash: digest of the VAE's weights.
  public init(
    _ order: TrainingOrder, into cache: ContentCache, _ backend: any Backend,
    _ configuration: VAEConfiguration, weights: ParameterReader, vaeHash: String
  ) throws {
    self.order = order
    self.cache = cache
    self.backend = backend
    self.configuration = configuration
    self.weights = weights
    pass = CachingPass(order, into: cache, vaeHash: vaeHash)
    plans = try NetworkPlans(backend, configuration)
  }

  /// Images of the data set, each in every placement that training may ask for.
  public var imageCount: Int { order.variants.count }

  /// Device memory while images are encoded; nil when all of them are in the cache.
  public func memory() throws -> MemoryPlan? {
    guard pass.hasWork else { return nil }
    let shapes = Set(order.dataset.samples.map(\.bucket)).map {
      FrameShape(samples: 1, height: $0.height, width: $0.width)
    }
    return MemoryPlan(phases: [("image encoding", try plans.memory(shapes))])
  }

  /// - Parameter shouldStop: asked before each image; true ends the pass there, the cache whole.
  /// - Returns: what was encoded, and the images that turned out to be corrupt.
  public func run(
    isolation: isolated (any Actor)? = #isolation, shouldStop: () -> Bool = { false },
    tell: (TrainingEvent) -> Void
  ) async throws -> CachingReport {
    var encoder: LatentEncoder?
    let encode = { (image: LoadedImage) throws -> [CachedTensor] in
      let shape = FrameShape(samples: 1, height: image.shape[0], width: image.shape[1])
      let ready = try encoder ?? LatentEncoder(backend, plans, weights: weights, shape: shape)
      encoder = ready
      let (mean, logVariance) = try ready.encode(image.pixels, shape)
      let scale = configuration.downscale
      let latent = [shape.height / scale, shape.width / scale, configuration.latentChannels]
      return [
        CachedTensor(name: "mean", shape: latent, values: mean),
        CachedTensor(name: "logvar", shape: latent, values: logVariance),
      ]
    }
    return try await pass.run(
      shouldStop: shouldStop, progress: { tell(.caching(what: .images, done: $0, total: $1)) },
      encode: encode)
  }

  /// Asks, before anything is encoded, whether the run in a folder can be resumed with this data set:
  /// the one it began with, apart from corrupt images, which are looked for only if it is not the
  /// same to the letter.
  /// - Throws: `InputError` when it began with another model, data set or settings.
  public func checkResumable(
    _ folder: RunFolder, model: String, settings: String,
    isolation: isolated (any Actor)? = #isolation
  ) async throws {
    var data = order.dataset
    if try !folder.isSaved(withData: data.fingerprint) {
      data = try data.removing(await pass.corruptPictures())
    }
    try folder.checkResumable(
      RunIdentity(model: model, data: data.fingerprint, settings: settings))
  }
}
