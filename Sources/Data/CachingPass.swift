import Graph

/// A picture ready for the VAE.
public struct LoadedImage: Equatable, Sendable {
  /// Which picture and how it was placed.
  public var variant: Variant
  /// [H, W, 3] in [-1, 1].
  public var pixels: [Float]

  /// (height, width, 3).
  public var shape: [Int] { [variant.placement.bucket.height, variant.placement.bucket.width, 3] }
}

extension Dataset {
  /// Reads, decodes and places a picture.
  ///
  /// - Throws: `InputError` if it cannot be read or decoded, or is no longer the file that was
  ///   scanned.
  public func loaded(_ variant: Variant) throws -> LoadedImage {
    let sample = samples[variant.sampleIndex]
    let bytes = try Files.read(sample.path)
    guard SHA256.hex(bytes) == sample.contentHash else {
      throw InputError(
        sample.path, expected: "the file that was there at the start", found: "another content")
    }
    let image = try Image(decoding: bytes, name: sample.path)
    return LoadedImage(variant: variant, pixels: image.placed(variant.placement).normalized)
  }
}

/// What a caching pass did.
public struct CachingReport: Equatable, Sendable {
  /// Whether it came to its end.
  public var isComplete = false
  /// Variants that it came to.
  public var visitedCount = 0
  /// Variants that were in the cache.
  public var storedCount = 0
  /// Variants that were encoded.
  public var encodedCount = 0
  /// Of those, variants whose entry was damaged.
  public var remadeCount = 0
  /// Pictures that turned out to be corrupt: each once, with the reason.
  public var failures: [UnusedFile] = []
}

/// Fills a cache with the encoded pictures of a data set before training.
public struct CachingPass: Sendable {
  private enum Prepared: Sendable {
    case stored
    case loaded(LoadedImage, wasDamaged: Bool)
    case failed(String)
  }

  let dataset: Dataset
  let variants: [Variant]
  let keys: [CacheKey]
  let cache: ContentCache

  /// - Parameters:
  ///   - order: whose variants to encode.
  ///   - cache: where they go.
  ///   - vaeHash: digest of the VAE's weights.
  public init(_ order: TrainingOrder, into cache: ContentCache, vaeHash: String) {
    dataset = order.dataset
    variants = order.variants
    keys = order.variants.map { variant in
      CacheKey.latents(
        imageHash: order.dataset.samples[variant.sampleIndex].contentHash, vaeHash: vaeHash,
        placement: variant.placement)
    }
    self.cache = cache
  }

  /// Whether the cache lacks anything.
  public var hasWork: Bool { keys.contains { cache.stored($0) == nil } }

  /// Encodes what the cache lacks; pictures are decoded ahead by concurrent tasks, `encode` is called
  /// in order where the caller is. A corrupt picture is skipped: train on
  /// `dataset.removing(report.failures)`.
  ///
  /// - Parameters:
  ///   - ahead: pictures decoded beforehand.
  ///   - shouldStop: asked before each variant; true ends the pass there, the cache whole.
  ///   - progress: told after each variant how many of how many are done.
  ///   - encode: the VAE: one picture to the tensors to keep.
  /// - Throws: what `encode` throws; `InputError` if the cache cannot be written.
  public func run(
    ahead: Int = 2, isolation: isolated (any Actor)? = #isolation,
    shouldStop: () -> Bool = { false }, progress: (_ done: Int, _ total: Int) -> Void = { _, _ in },
    encode: (LoadedImage) throws -> [CachedTensor]
  ) async throws -> CachingReport {
    var report = CachingReport()
    let failures = try await visit(ahead: ahead, shouldStop: shouldStop) { index, picture in
      switch picture {
      case .stored:
        report.storedCount += 1
      case .loaded(let image, let wasDamaged):
        try cache.store(encode(image), for: keys[index])
        report.encodedCount += 1
        report.remadeCount += wasDamaged ? 1 : 0
      case .failed: break
      }
      report.visitedCount += 1
      progress(report.visitedCount, variants.count)
    }
    report.failures = failures
    report.isComplete = report.visitedCount == variants.count
    return report
  }

  /// The corrupt ones among the pictures that are not in the cache; nothing is encoded or stored.
  public func corruptPictures(
    isolation: isolated (any Actor)? = #isolation
  ) async throws -> [UnusedFile] {
    try await visit { _, _ in }
  }

  /// Prepares the variants in order. - Returns: corrupt pictures, each once.
  private func visit(
    ahead: Int = 2, isolation: isolated (any Actor)? = #isolation,
    shouldStop: () -> Bool = { false }, _ body: (_ index: Int, _ picture: Prepared) throws -> Void
  ) async throws -> [UnusedFile] {
    var failures: [UnusedFile] = []
    var failed: Set<Int> = []
    let pictures = Prefetch(variants.indices, ahead: ahead) { [self] in prepared($0) }
    var iterator = pictures.makeAsyncIterator()
    var index = 0
    while !shouldStop(), let picture = try await iterator.next(isolation: isolation) {
      let sample = variants[index].sampleIndex
      if case .failed(let reason) = picture, failed.insert(sample).inserted {
        failures.append(UnusedFile(name: dataset.samples[sample].name, reason: .corrupt(reason)))
      }
      try body(index, picture)
      index += 1
    }
    return failures
  }

  private func prepared(_ index: Int) -> Prepared {
    if cache.stored(keys[index]) != nil { return .stored }
    do {
      let image = try dataset.loaded(variants[index])
      return .loaded(image, wasDamaged: cache.hasEntry(keys[index]))
    } catch let error as InputError {
      return .failed(error.found)
    } catch {
      return .failed("\(error)")
    }
  }
}
