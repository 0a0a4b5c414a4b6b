import Graph
import Model

/// A picture to draw.
public struct PictureRequest: Sendable, Equatable {
  /// The prompt's embeddings.
  public var positive: Conditioning
  /// The negative prompt's embeddings.
  public var negative: Conditioning
  /// Pixels, multiples of 8 times the UNet's coarsest step.
  public var width: Int
  /// Pixels, as `width`.
  public var height: Int
  /// Classifier-free guidance; 1 leaves the negative prompt out.
  public var guidance: Float
  /// Seed of the starting noise.
  public var seed: UInt64

  public init(
    positive: Conditioning, negative: Conditioning, width: Int, height: Int, guidance: Float,
    seed: UInt64
  ) {
    self.positive = positive
    self.negative = negative
    self.width = width
    self.height = height
    self.guidance = guidance
    self.seed = seed
  }

  /// Latent height and width.
  public var latentShape: FrameShape {
    FrameShape(samples: 1, height: height / 8, width: width / 8)
  }

  /// Shape of the UNet's batch: with guidance both prompts go together.
  public func batchShape(_ configuration: UNetConfiguration) -> BatchShape {
    BatchShape(
      samples: guidance == 1 ? 1 : 2, height: height / 8, width: width / 8,
      channels: configuration.inputChannels, contextWidth: configuration.contextWidth,
      pooledWidth: configuration.pooledWidth)
  }
}

extension EulerSampler {
  /// Draws a picture's latents, [h, w, 4], divided by `latentScale`.
  ///
  /// The noise depends on the seed and size alone.
  public func draw(
    _ request: PictureRequest, _ unet: UNetRunner, _ configuration: UNetConfiguration,
    progress: (Int) throws -> Void = { _ in }
  ) throws -> [Float] {
    let shape = request.batchShape(configuration)
    let isGuided = shape.samples == 2
    let prompts = isGuided ? [request.positive, request.negative] : [request.positive]
    let context = prompts.flatMap(\.context)
    let pooled = prompts.flatMap(\.pooled)
    let size = [Float(request.height), Float(request.width)]
    let timeIDs = prompts.flatMap { _ -> [Float] in size + [0, 0] + size }
    let count = shape.height * shape.width * shape.channels
    let noise = SampleRandom.normals(
      count: count, seed: request.seed, step: 0, sample: 0, stream: .picture)
    let latents = try sample(noise: noise, progress: progress) { input, time in
      let output = try unet.predict(
        shape, latents: isGuided ? input + input : input,
        time: [Float](repeating: time, count: shape.samples), context: context, pooled: pooled,
        timeIDs: timeIDs)
      return isGuided
        ? guided(Array(output[..<count]), Array(output[count...]), scale: request.guidance)
        : output
    }
    return latents.map { $0 / latentScale }
  }
}
