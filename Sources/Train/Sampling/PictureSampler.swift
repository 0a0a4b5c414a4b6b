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

  /// Whether the negative prompt is asked too.
  public var isGuided: Bool { guidance != 1 }

  /// Shape of the UNet's batch for so many pictures of this kind: with guidance both prompts of each
  /// go together.
  public func batchShape(_ configuration: UNetConfiguration, pictures: Int = 1) -> BatchShape {
    BatchShape(
      samples: isGuided ? 2 * pictures : pictures, height: height / 8, width: width / 8,
      channels: configuration.inputChannels,
      tokens: positive.context.count / configuration.contextWidth,
      contextWidth: configuration.contextWidth,
      pooledWidth: configuration.pooledWidth)
  }

  /// Whether both can be drawn in one batch, if they are drawn by one process: as large, with as many
  /// tokens, both guided or neither.
  public func canShareBatch(with other: PictureRequest) -> Bool {
    width == other.width && height == other.height && isGuided == other.isGuided
      && positive.context.count == other.positive.context.count
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

  /// Draws pictures in one batch: the latents of each, [h, w, 4], divided by `latentScale`.
  ///
  /// The noise of each depends on its seed, the step and the size alone, and each is guided for itself,
  /// so that a picture is the same in every batch, as far as the UNet's kernels are.
  /// - Parameters:
  ///   - requests: at least one; each can share a batch with the first
  ///   - progress: called after each step; its estimate [N, h, w, 4] is scaled as the UNet has it
  public func draw(
    _ requests: [PictureRequest], _ unet: UNetRunner, _ configuration: UNetConfiguration,
    progress: (Progress) throws -> Void = { _ in }
  ) throws -> [[Float]] {
    guard let first = requests.first else { return [] }
    precondition(requests.allSatisfy(first.canShareBatch), "pictures of one batch differ in shape")
    let shape = first.batchShape(configuration, pictures: requests.count)
    var single = shape
    single.samples = 1
    let count = single.latents.reduce(1, *)
    let prompts = requests.map(\.positive) + (first.isGuided ? requests.map(\.negative) : [])
    let (context, pooled) = (prompts.flatMap(\.context), prompts.flatMap(\.pooled))
    let size = [Float(first.height), Float(first.width)]
    let timeIDs = prompts.flatMap { _ -> [Float] in size + [0, 0] + size }
    let noise = requests.flatMap {
      SampleRandom.normals(count: count, seed: $0.seed, step: 0, sample: 0, stream: .picture)
    }
    let latents = try sample(
      noise: noise,
      stepNoise: { [single] step in
        requests.flatMap { Self.stepNoise(seed: $0.seed, step: step, single) }
      },
      progress: progress,
      network: { input, time in
        let output = try unet.predict(
          shape, latents: first.isGuided ? input + input : input,
          time: [Float](repeating: time, count: shape.samples), context: context, pooled: pooled,
          timeIDs: timeIDs)
        return first.isGuided ? Self.guided(output, requests, count: count) : output
      })
    return requests.indices.map { index in
      latents[index * count..<(index + 1) * count].map { $0 / latentScale }
    }
  }

  /// Each picture's prediction from those of its prompts: first all conditional ones, `count` numbers
  /// each, then all unconditional ones.
  private static func guided(
    _ output: [Float], _ requests: [PictureRequest], count: Int
  ) -> [Float] {
    requests.enumerated().flatMap { index, request in
      let (start, negative) = (index * count, (requests.count + index) * count)
      return Train.guided(
        Array(output[start..<start + count]), Array(output[negative..<negative + count]),
        scale: request.guidance, rescale: request.guidanceRescale)
    }
  }
}
