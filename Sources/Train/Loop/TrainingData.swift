import Data
import Foundation
import Graph
import Model

/// The data set as the trainer sees it: cached latents and conditioning, batch by batch.
public struct TrainingData: Sendable {
  /// Which samples make which batch.
  public let order: TrainingOrder
  let cache: ContentCache
  /// Digests of the weights that made what is cached.
  let vaeHash: String
  let textHash: String
  let seed: UInt64
  let contextWidth: Int
  let pooledWidth: Int
  /// Chunks of 75 tokens that a caption may have.
  let captionChunkLimit: Int
  /// What each sample counts in the loss; nil: all the same.
  let sampleWeights: [Double]?
  /// Chunks of the longest caption, which all batches have.
  let captionChunkCount: Int

  /// - Parameters:
  ///   - captionChunkLimit: chunks of 75 tokens that a caption may have; what is longer is cut.
  ///   - weighsTags: whether samples count by their tags, see `TagWeights`
  public init(
    _ order: TrainingOrder, cache: ContentCache, vaeHash: String, textHash: String,
    unet: UNetConfiguration, captionChunkLimit: Int = 1, weighsTags: Bool = false
  ) {
    sampleWeights = weighsTags ? TagWeights(order.dataset.samples).weights : nil
    self.captionChunkLimit = captionChunkLimit
    captionChunkCount = Self.chunkCount(order, limit: captionChunkLimit)
    self.order = order
    self.cache = cache
    self.vaeHash = vaeHash
    self.textHash = textHash
    seed = order.options.seed
    contextWidth = unet.contextWidth
    pooledWidth = unet.pooledWidth
  }

  /// Shapes of every batch that can occur, one for each bucket in use.
  public var batchShapes: [BatchShape] {
    Set(order.dataset.samples.map(\.bucket)).map(shape).sorted {
      ($0.height, $0.width) < ($1.height, $1.width)
    }
  }

  private static func chunkCount(_ order: TrainingOrder, limit: Int) -> Int {
    guard limit > 1 else { return 1 }
    let tokenizer = CLIPTokenizer()
    let captions = Set(order.dataset.samples.map(\.caption))
    return captions.reduce(1) {
      max($0, tokenizer.encode(WeightedPrompt(plain: $1), chunkLimit: limit).chunks.count)
    }
  }

  /// Captions that training may ask for, each once; the empty one stands for dropped captions and
  /// fills shorter ones.
  var captions: [EncodedText] {
    let given = Set(order.dataset.samples.map(\.caption))
    let needsEmpty = order.options.captionDropout > 0 || captionChunkCount > 1
    return (needsEmpty ? given.union([""]) : given).sorted().map { .caption($0) }
  }

  /// Texts among these that are not in the cache.
  func missing(_ texts: [EncodedText]) -> [EncodedText] {
    texts.filter { cache.stored(textKey($0)) == nil }
  }

  /// Keeps a text's conditioning.
  func store(_ conditioning: Conditioning, for text: EncodedText) throws {
    try cache.store(
      [
        CachedTensor(
          name: "context", shape: [conditioning.context.count], values: conditioning.context),
        CachedTensor(
          name: "pooled", shape: [conditioning.pooled.count], values: conditioning.pooled),
      ], for: textKey(text))
  }

  /// A text's conditioning from the cache.
  /// - Throws: `InputError` when it has gone from there.
  func conditioning(of text: EncodedText) throws -> Conditioning {
    guard let tensors = cache.stored(textKey(text)), tensors.count == 2 else {
      throw lost("the text embedding of `\(text.text)`")
    }
    return Conditioning(context: tensors[0].values, pooled: tensors[1].values)
  }

  /// The batches of an update, as (sample in the order) and noise of the VAE decide.
  /// - Parameter accumulation: batches of one update
  public func batches(update: Int, accumulation: Int) throws -> [LatentBatch] {
    var position = 0
    return try (0..<accumulation).map { index in
      let description = order.batch(at: update * accumulation + index)
      defer { position += description.entries.count }
      return try batch(description, update: update, first: position)
    }
  }

  /// A batch of held-out samples: their latents are the means, without noise of the VAE.
  /// - Returns: the batch, and which samples of the data set its real rows are
  public func heldOutBatch(at index: Int) throws -> (batch: LatentBatch, samples: [Int]) {
    let description = order.batch(at: index)
    let batch = try batch(description) { _, entry in
      try cachedLatents(entry).mean.map { $0 * latentScale }
    }
    return (batch, description.entries.filter { $0.weight > 0 }.map(\.sampleIndex))
  }

  private func batch(
    _ description: BatchDescription, update: Int, first: Int
  ) throws -> LatentBatch {
    try batch(description) { try latents($1, update: update, position: first + $0) }
  }

  private func batch(
    _ description: BatchDescription, latents: (Int, BatchEntry) throws -> [Float]
  ) throws -> LatentBatch {
    var batch = LatentBatch(
      shape: shape(description.bucket), latents: [], context: [], pooled: [], timeIDs: [],
      weights: description.weights)
    if let sampleWeights {
      batch.lossWeights = description.entries.map { Float(sampleWeights[$0.sampleIndex]) }
    }
    for (index, entry) in description.entries.enumerated() {
      let sample = order.dataset.samples[entry.sampleIndex]
      batch.latents += try latents(index, entry)
      var conditioning = try conditioning(
        of: .caption(entry.isCaptionDropped ? "" : sample.caption))
      let contextCount = batch.shape.tokens * contextWidth
      if conditioning.context.count < contextCount {
        conditioning = conditioning.padded(
          to: contextCount, with: try self.conditioning(of: .caption("")))
      }
      batch.context += conditioning.context
      batch.pooled += conditioning.pooled
      batch.timeIDs += entry.placement.timeIDs
    }
    return batch
  }

  /// Scaled latents drawn from the VAE's distribution: (mean + exp(logVariance / 2) z) scale.
  private func latents(_ entry: BatchEntry, update: Int, position: Int) throws -> [Float] {
    let (mean, logVariance) = try cachedLatents(entry)
    let normals = SampleRandom.normals(
      count: mean.count, seed: seed, step: update, sample: position, stream: .latents)
    return mean.indices.map {
      (mean[$0] + exp(logVariance[$0] / 2) * normals[$0]) * latentScale
    }
  }

  private func cachedLatents(_ entry: BatchEntry) throws -> (mean: [Float], logVariance: [Float]) {
    let sample = order.dataset.samples[entry.sampleIndex]
    let key = CacheKey.latents(
      imageHash: sample.contentHash, vaeHash: vaeHash, placement: entry.placement)
    guard let tensors = cache.stored(key), tensors.count == 2 else {
      throw lost("the latents of \(sample.name)")
    }
    return (tensors[0].values, tensors[1].values)
  }

  private func shape(_ bucket: Bucket) -> BatchShape {
    BatchShape(
      samples: order.options.batchSize, height: bucket.height / 8, width: bucket.width / 8,
      tokens: CLIPTokenizer.contextLength * captionChunkCount, contextWidth: contextWidth,
      pooledWidth: pooledWidth)
  }

  private func textKey(_ text: EncodedText) -> CacheKey {
    text.cacheKey(encoderHash: textHash, captionChunkLimit: captionChunkLimit)
  }

  private func lost(_ what: String) -> InputError {
    InputError(
      cache.folder, expected: what, found: "none, or a damaged one",
      hint: "the cache was changed during the run; start again with --resume to rebuild it")
  }
}
