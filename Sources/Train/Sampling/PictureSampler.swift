import Graph
import Model

/// A picture to draw.
public struct PictureRequest: Sendable, Equatable {
  /// The prompt's embeddings.
  public var positive: Conditioning
  /// The negative prompt's embeddings, with as many tokens.
  public var negative: Conditioning
  /// Pixels, multiples of 8 times the UNet's coarsest step.
  public var width: Int
  /// Pixels, as `width`.
  public var height: Int
  /// Classifier-free guidance; 1 leaves the negative prompt out.
  public var guidance: Float
  /// Share of the rescaled guidance, 0 to 1.
  public var guidanceRescale: Float
  /// Seed of the noise.
  public var seed: UInt64

  public init(
    positive: Conditioning, negative: Conditioning, width: Int, height: Int, guidance: Float,
    guidanceRescale: Float = 0, seed: UInt64
  ) {
    self.positive = positive
    self.negative = negative
    self.width = width
    self.height = height
    self.guidance = guidance
    self.guidanceRescale = guidanceRescale
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
      channels: configuration.inputChannels,
      tokens: positive.context.count / configuration.contextWidth,
      contextWidth: configuration.contextWidth,
      pooledWidth: configuration.pooledWidth)
  }
}

extension SamplingProcess {
  /// Unit normal noise of a step, [N, h, w, C], by (seed, sample, step).
  public static func stepNoise(seed: UInt64, step: Int, _ shape: BatchShape) -> [Float] {
    let count = shape.latents.dropFirst().reduce(1, *)
    return (0..<shape.samples).flatMap { sample in
      SampleRandom.normals(
        count: count, seed: seed, step: step, sample: sample, stream: .sampling)
    }
  }

  /// Draws a picture's latents, [h, w, 4], divided by `latentScale`.
  ///
  /// The noise depends on the seed, the step and the size alone.
  /// - Parameter progress: called after each step; its estimate is scaled as the UNet has it
  public func draw(
    _ request: PictureRequest, _ unet: UNetRunner, _ configuration: UNetConfiguration,
    progress: (Progress) throws -> Void = { _ in }
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
    var single = shape
    single.samples = 1
    let latents = try sample(
      noise: noise, stepNoise: { [single] in Self.stepNoise(seed: request.seed, step: $0, single) },
      progress: progress,
      network: { input, time in
        let output = try unet.predict(
          shape, latents: isGuided ? input + input : input,
          time: [Float](repeating: time, count: shape.samples), context: context, pooled: pooled,
          timeIDs: timeIDs)
        return isGuided
          ? guided(
            Array(output[..<count]), Array(output[count...]), scale: request.guidance,
            rescale: request.guidanceRescale)
          : output
      })
    return latents.map { $0 / latentScale }
  }
}
