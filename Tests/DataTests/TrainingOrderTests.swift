import Testing

@testable import Data

@Suite struct TrainingOrderTests {
  private static let buckets = [Bucket(width: 32, height: 32), Bucket(width: 40, height: 24)]

  /// Seven square and four wide samples with repeats 1 to 3: no decoding, no files.
  private func dataset() throws -> Dataset {
    let samples = (0..<11).map { index in
      Sample(
        name: "\(index).png", path: "/\(index).png", width: index < 7 ? 100 + index : 200,
        height: 100, contentHash: "\(index)", caption: "caption \(index)", repeats: 1 + index % 3,
        bucket: Self.buckets[index < 7 ? 0 : 1])
    }
    return try Dataset(root: "/", samples: samples, unused: [])
  }

  private func order(
    batchSize: Int = 4, seed: UInt64 = 1, crop: CropPolicy = .center, flip: Double = 0.5,
    dropout: Double = 0.2
  ) throws -> TrainingOrder {
    try TrainingOrder(
      dataset(),
      options: OrderOptions(
        batchSize: batchSize, seed: seed, crop: crop, flipProbability: flip, captionDropout: dropout
      ))
  }

  /// Repeats: squares 1+2+3+1+2+3+1 = 13, wide 2+3+1+2 = 8.
  @Test(arguments: [(1, 21), (4, 4 + 2), (5, 3 + 2), (100, 2)])
  func epochShowsEverySampleAsOftenAsItsRepeats(_ batchSize: Int, _ steps: Int) throws {
    let order = try order(batchSize: batchSize)
    #expect(order.stepsPerEpoch == steps)
    for epoch in 0..<3 {
      var shown: [[Int]: Int] = [:]
      for step in (epoch * steps)..<((epoch + 1) * steps) {
        let batch = order.batch(at: step)
        #expect(batch.epoch == epoch)
        #expect(batch.entries.count == batchSize)
        #expect(batch.entries.allSatisfy { $0.placement.bucket == batch.bucket })
        #expect(batch.weights == batch.entries.map(\.weight))
        for entry in batch.entries where entry.weight > 0 {
          #expect(entry.weight == 1)
          shown[[entry.sampleIndex, entry.repetition], default: 0] += 1
        }
      }
      #expect(shown.count == 21)
      #expect(shown.values.allSatisfy { $0 == 1 })
      for (index, sample) in order.dataset.samples.enumerated() {
        #expect(shown.keys.count { $0[0] == index } == sample.repeats)
      }
    }
  }

  @Test func shortBatchIsFilledWithWeightZero() throws {
    let order = try order(batchSize: 5)
    let counts = (0..<order.stepsPerEpoch).map { order.batch(at: $0).realCount }.sorted()
    // 13 = 5 + 5 + 3, 8 = 5 + 3
    #expect(counts == [3, 3, 5, 5, 5])
  }

  @Test func stepsNeedNoHistory() throws {
    let forward = try order()
    let all = (0..<40).map { forward.batch(at: $0) }
    let fresh = try order()
    for step in [39, 0, 17, 5, 38, 6] { #expect(fresh.batch(at: step) == all[step]) }
    #expect(try order().batch(at: 23) == all[23])
  }

  @Test func seedsAndEpochsDiffer() throws {
    let order = try order()
    let other = try self.order(seed: 2)
    let epoch = { (order: TrainingOrder, epoch: Int) in
      (0..<6).map { order.batch(at: epoch * 6 + $0).entries.map(\.sampleIndex) }
    }
    #expect(epoch(order, 0) != epoch(order, 1))
    #expect(epoch(order, 0) != epoch(other, 0))
  }

  /// What is decided for a sample does not depend on how samples are put into batches.
  @Test func decisionsDoNotDependOnTheBatchSize() throws {
    let decisions = { (batchSize: Int) throws -> [[Int]: [Bool]] in
      let order = try self.order(batchSize: batchSize, crop: .random)
      let batches = (0..<order.stepsPerEpoch).map { order.batch(at: $0) }
      let entries = batches.flatMap(\.entries).filter { $0.weight > 0 }
      return Dictionary(
        uniqueKeysWithValues: entries.map {
          (
            [$0.sampleIndex, $0.repetition, $0.placement.cropLeft, $0.placement.cropTop],
            [$0.placement.isFlipped, $0.isCaptionDropped]
          )
        })
    }
    #expect(try decisions(3) == decisions(7))
  }

  @Test func dropoutAndFlipsHaveTheirRates() throws {
    let order = try order(batchSize: 1)
    let entries = (0..<(21 * 200)).map { order.batch(at: $0).entries[0] }
    let rate = { (count: Int) in Double(count) / Double(entries.count) }
    // Standard deviations of the rates over 4,200 draws: 0.0062 and 0.0077; five of each.
    #expect(abs(rate(entries.count { $0.isCaptionDropped }) - 0.2) < 0.031)
    #expect(abs(rate(entries.count { $0.placement.isFlipped }) - 0.5) < 0.039)
    let never = try self.order(flip: 0, dropout: 0)
    let always = try self.order(flip: 1, dropout: 1)
    for step in 0..<20 {
      #expect(never.batch(at: step).entries.allSatisfy { !$0.isCaptionDropped })
      #expect(never.batch(at: step).entries.allSatisfy { !$0.placement.isFlipped })
      #expect(always.batch(at: step).entries.allSatisfy { $0.isCaptionDropped })
      #expect(always.batch(at: step).entries.allSatisfy { $0.placement.isFlipped })
    }
  }

  @Test(arguments: [CropPolicy.center, .random], [0, 0.5, 1])
  func variantsAreAllThatIsEverAskedFor(_ crop: CropPolicy, _ flip: Double) throws {
    let order = try order(crop: crop, flip: flip)
    let variants = order.variants
    #expect(Set(variants).count == variants.count)
    var asked: Set<Variant> = []
    for step in 0..<(order.stepsPerEpoch * 60) {
      for entry in order.batch(at: step).entries {
        asked.insert(Variant(sampleIndex: entry.sampleIndex, placement: entry.placement))
      }
    }
    #expect(asked == Set(variants))
    // One crop a sample, or one a repeat; two repeats may draw the same one.
    let crops = crop == .center ? 11...11 : 12...21
    #expect(crops.contains(variants.count / (flip == 0.5 ? 2 : 1)))
  }

  @Test func refusesNonsense() {
    #expect(inputError { _ = try order(batchSize: 0) } != nil)
    #expect(inputError { _ = try order(flip: 1.5) } != nil)
    #expect(inputError { _ = try order(dropout: .nan) } != nil)
  }
}
