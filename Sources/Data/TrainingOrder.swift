import Graph
import Synchronization

/// How samples are drawn from a data set.
public struct OrderOptions: Equatable, Sendable {
  /// Samples of a batch.
  public var batchSize: Int
  /// What everything random is derived from.
  public var seed: UInt64
  /// Where pictures are cropped.
  public var crop: CropPolicy
  /// How often a picture is mirrored, in [0, 1].
  public var flipProbability: Double
  /// How often a caption is replaced by the empty one, in [0, 1]; what classifier-free guidance needs.
  public var captionDropout: Double

  public init(
    batchSize: Int, seed: UInt64, crop: CropPolicy = .center, flipProbability: Double = 0,
    captionDropout: Double = 0
  ) {
    self.batchSize = batchSize
    self.seed = seed
    self.crop = crop
    self.flipProbability = flipProbability
    self.captionDropout = captionDropout
  }
}

/// One row of a batch.
public struct BatchEntry: Equatable, Sendable {
  /// Which of `Dataset.samples`.
  public var sampleIndex: Int
  /// Which of its repeats, from 0.
  public var repetition: Int
  /// How the picture becomes the bucket's; with `Placement.timeIDs`.
  public var placement: Placement
  /// Whether the empty caption stands in for the sample's.
  public var isCaptionDropped: Bool
  /// 1, or 0 for a row that only fills the batch.
  public var weight: Float
}

/// A batch as data, before anything is loaded: all entries have one bucket.
public struct BatchDescription: Equatable, Sendable {
  /// Its number since the start of training, from 0.
  public var step: Int
  /// How often the data set was shown whole before.
  public var epoch: Int
  /// Size of every picture.
  public var bucket: Bucket
  /// As many as the batch size. The last batch of a bucket is filled with rows of weight 0.
  public var entries: [BatchEntry]

  /// One weight for each entry: the loss is their weighted sum over `realCount`.
  public var weights: [Float] { entries.map(\.weight) }
  /// Entries that count.
  public var realCount: Int { entries.count { $0.weight > 0 } }
}

/// Which samples each step trains on: a pure function of (data set, options, step), so that a run
/// resumed at a step needs nothing else.
///
/// Each epoch shows every sample as often as its repeats say, in batches of one bucket; batches are
/// in random order, samples in random order within their bucket. A step here is one batch: with
/// gradient accumulation, one of several.
public final class TrainingOrder: Sendable {
  /// A sample in one of its repeats.
  private struct Occurrence: Sendable {
    var sampleIndex: Int
    var repetition: Int
  }

  /// The data set drawn from.
  public let dataset: Dataset
  /// How it is drawn from.
  public let options: OrderOptions
  /// Batches of an epoch: the sum over buckets of ceil(samples / batch size).
  public let stepsPerEpoch: Int

  /// All occurrences of an epoch; the place in it is what random decisions are keyed by.
  private let occurrences: [Occurrence]
  /// Places in `occurrences` by bucket, from the tallest bucket to the widest.
  private let buckets: [(bucket: Bucket, places: [Int])]
  private let lastEpoch = Mutex<(epoch: Int, batches: [[Int]])?>(nil)

  /// - Throws: `InputError` if the batch size is below 1 or a probability is not in [0, 1].
  public init(_ dataset: Dataset, options: OrderOptions) throws {
    guard options.batchSize >= 1 else {
      throw InputError("batch size", expected: "at least 1", found: "\(options.batchSize)")
    }
    for (name, value) in [
      ("flip probability", options.flipProbability), ("caption dropout", options.captionDropout),
    ] where !(0...1).contains(value) {
      throw InputError(name, expected: "a number from 0 to 1", found: "\(value)")
    }
    self.dataset = dataset
    self.options = options
    occurrences = dataset.samples.enumerated().flatMap { index, sample in
      (0..<sample.repeats).map { Occurrence(sampleIndex: index, repetition: $0) }
    }
    var places: [Bucket: [Int]] = [:]
    for (place, occurrence) in occurrences.enumerated() {
      places[dataset.samples[occurrence.sampleIndex].bucket, default: []].append(place)
    }
    buckets = places.map { (bucket: $0.key, places: $0.value) }.sorted {
      ($0.bucket.aspectRatio, $0.bucket.width) < ($1.bucket.aspectRatio, $1.bucket.width)
    }
    stepsPerEpoch = buckets.reduce(0) {
      $0 + ($1.places.count + options.batchSize - 1) / options.batchSize
    }
  }

  /// The batch of a step. Steps in order cost little; another epoch is shuffled anew.
  ///
  /// - Precondition: `step` >= 0.
  public func batch(at step: Int) -> BatchDescription {
    precondition(step >= 0)
    let epoch = step / stepsPerEpoch
    let places = batches(of: epoch)[step % stepsPerEpoch]
    // Fewer places than rows: they go round again with weight 0.
    let entries = (0..<options.batchSize).map { row in
      entry(
        at: places[row % places.count], epoch: epoch, weight: row < places.count ? 1 : 0)
    }
    return BatchDescription(
      step: step, epoch: epoch, bucket: entries[0].placement.bucket, entries: entries)
  }

  /// Every (sample, placement) that training may ask for, each once: what to cache beforehand.
  public var variants: [Variant] {
    var seen: Set<Variant> = []
    var result: [Variant] = []
    for place in occurrences.indices {
      for isFlipped in [false, true] {
        if isFlipped ? options.flipProbability == 0 : options.flipProbability == 1 { continue }
        let variant = Variant(
          sampleIndex: occurrences[place].sampleIndex,
          placement: placement(at: place, isFlipped: isFlipped))
        if seen.insert(variant).inserted { result.append(variant) }
      }
    }
    return result
  }

  /// The places of each batch of an epoch.
  private func batches(of epoch: Int) -> [[Int]] {
    lastEpoch.withLock { last in
      if let last, last.epoch == epoch { return last.batches }
      let inBucket = RandomStream(seed: options.seed, purpose: .entryOrder, epoch: epoch)
      let amongBatches = RandomStream(seed: options.seed, purpose: .batchOrder, epoch: epoch)
      var batches: [[Int]] = []
      for (index, bucket) in buckets.enumerated() {
        let places = inBucket.shuffled(bucket.places, draw: UInt32(truncatingIfNeeded: index))
        for start in stride(from: 0, to: places.count, by: options.batchSize) {
          batches.append(Array(places[start..<min(start + options.batchSize, places.count)]))
        }
      }
      let shuffled = amongBatches.shuffled(batches)
      last = (epoch, shuffled)
      return shuffled
    }
  }

  private func entry(at place: Int, epoch: Int, weight: Float) -> BatchEntry {
    let flips = RandomStream(seed: options.seed, purpose: .flip, epoch: epoch)
    let dropouts = RandomStream(seed: options.seed, purpose: .captionDropout, epoch: epoch)
    let occurrence = occurrences[place]
    return BatchEntry(
      sampleIndex: occurrence.sampleIndex, repetition: occurrence.repetition,
      placement: placement(at: place, isFlipped: flips.uniform(place) < options.flipProbability),
      isCaptionDropped: dropouts.uniform(place) < options.captionDropout, weight: weight)
  }

  private func placement(at place: Int, isFlipped: Bool) -> Placement {
    let sample = dataset.samples[occurrences[place].sampleIndex]
    return Placement(
      originalWidth: sample.width, originalHeight: sample.height, bucket: sample.bucket,
      isFlipped: isFlipped
    ) { freeDown, freeAcross in
      switch options.crop {
      case .center: return (freeDown / 2, freeAcross / 2)
      case .random:
        let crops = RandomStream(seed: options.seed, purpose: .crop, epoch: 0)
        return (
          crops.integer(below: freeDown + 1, place, draw: 0),
          crops.integer(below: freeAcross + 1, place, draw: 1)
        )
      }
    }
  }
}

/// A picture as training sees it.
public struct Variant: Hashable, Sendable {
  /// Which of `Dataset.samples`.
  public var sampleIndex: Int
  /// How it is resized, cropped and mirrored.
  public var placement: Placement

  public init(sampleIndex: Int, placement: Placement) {
    self.sampleIndex = sampleIndex
    self.placement = placement
  }
}
