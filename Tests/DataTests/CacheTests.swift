import Foundation
import Graph
import Testing

@testable import Data

@Suite struct CacheTests {
  private let tensors = [
    CachedTensor(
      name: "mean", shape: [2, 3], values: [1, -2.5, .infinity, 0, -0.0, .leastNonzeroMagnitude]),
    CachedTensor(name: "", shape: [], values: [7]),
    CachedTensor(name: "leer \u{e9}", shape: [0, 4], values: []),
  ]
  private let key = CacheKey(kind: "test", ["a", "b"])

  @Test func readsWhatWasStored() throws {
    let folder = try TemporaryFolder()
    let cache = try ContentCache(folder.path + "/deep/cache")
    #expect(cache.stored(key) == nil)
    try cache.store(tensors, for: key)
    #expect(cache.stored(key) == tensors)
    #expect(try ContentCache(cache.folder).stored(key) == tensors)
    #expect(cache.stored(CacheKey(kind: "test", ["a", "c"])) == nil)
  }

  @Test func everyDamageIsSeenAndRepaired() throws {
    let folder = try TemporaryFolder()
    let cache = try ContentCache(folder.path)
    try cache.store(tensors, for: key)
    let whole = try Files.read(cache.path(of: key))
    var damages = (0..<whole.count).map { index in
      var bytes = whole
      bytes[index] ^= 0x10
      return bytes
    }
    damages += (0..<whole.count).map { Array(whole[..<$0]) }
    damages.append(whole + [0])
    for bytes in damages { #expect(CacheEntry.decoded(bytes, key) == nil) }
    #expect(CacheEntry.decoded(whole, CacheKey(kind: "other", [])) == nil)

    try Files.writeAtomically(damages[100], to: cache.path(of: key))
    #expect(cache.stored(key) == nil)
    #expect(cache.hasEntry(key))
    try cache.store(tensors, for: key)
    #expect(cache.stored(key) == tensors)
  }

  @Test func keysDependOnEveryPart() {
    let placement = Placement(
      originalWidth: 100, originalHeight: 50, bucket: Bucket(width: 64, height: 64))
    let flipped = Placement(
      originalWidth: 100, originalHeight: 50, bucket: Bucket(width: 64, height: 64), isFlipped: true
    )
    let moved = Placement(
      originalWidth: 100, originalHeight: 50, bucket: Bucket(width: 64, height: 64)
    ) { _, _ in (0, 3) }
    let keys = [
      CacheKey.latents(imageHash: "i", vaeHash: "v", placement: placement),
      CacheKey.latents(imageHash: "j", vaeHash: "v", placement: placement),
      CacheKey.latents(imageHash: "i", vaeHash: "w", placement: placement),
      CacheKey.latents(imageHash: "i", vaeHash: "v", placement: flipped),
      CacheKey.latents(imageHash: "i", vaeHash: "v", placement: moved),
      CacheKey.textEmbedding(caption: "i", encoderHash: "v"),
      CacheKey.textEmbedding(caption: "", encoderHash: "v"),
      CacheKey(kind: "k", ["ab", "c"]), CacheKey(kind: "k", ["a", "bc"]),
    ]
    #expect(Set(keys).count == keys.count)
  }

  @Test func unwritablePlaceIsAnError() throws {
    let folder = try TemporaryFolder()
    try folder.write("a file", to: "cache")
    let error = try #require(inputError { _ = try ContentCache(folder.path + "/cache") })
    #expect(error.place == folder.path + "/cache")
  }
}

@Suite struct PrefetchTests {
  private struct Failure: Error, Equatable {
    let number: Int
  }

  @Test(arguments: [1, 3, 50]) func givesValuesInOrder(_ ahead: Int) async throws {
    var values: [Int] = []
    let source = Prefetch(5..<25, ahead: ahead) { number in
      if number % 3 == 0 { try await Task.sleep(for: .milliseconds(2)) }
      return number * 10
    }
    for try await value in source { values.append(value) }
    #expect(values == (5..<25).map { $0 * 10 })
  }

  @Test func makesNoMoreThanAllowedAhead() async throws {
    let started = Counter()
    let source = Prefetch(0..<100, ahead: 3) { number in
      await started.add()
      return number
    }
    var iterator = source.makeAsyncIterator()
    for expected in [4, 5] {  // those that were asked for and three beyond
      _ = try await iterator.next()
      for _ in 0..<2000 where await started.count < expected {
        try await Task.sleep(for: .milliseconds(5))
      }
      try await Task.sleep(for: .milliseconds(30))  // time for more to start, if more could
      #expect(await started.count == expected)
    }
  }

  @Test func errorsComeAtTheirPlaceAndEndIt() async throws {
    let source = Prefetch(0..<10, ahead: 4) { number in
      if number >= 3 { throw Failure(number: number) }
      return number
    }
    var iterator = source.makeAsyncIterator()
    for expected in 0..<3 { #expect(try await iterator.next() == expected) }
    await #expect(throws: Failure(number: 3)) { try await iterator.next() }
    #expect(try await iterator.next() == nil)
  }

  private actor Counter {
    var count = 0
    func add() { count += 1 }
  }
}

@Suite struct CachingPassTests {
  /// A folder with two good pictures and one whose header is whole but whose pixels are not.
  private func folder() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for (fixture, name) in [
      ("rgb.png", "a.png"), ("truncated.jpg", "b.jpg"), ("exif6.jpg", "c.jpg"),
    ] {
      try folder.write(Fixture.picture(fixture), to: name)
      try folder.write("caption", to: "\(name.dropLast(4)).txt")
    }
    return folder
  }

  private func order(_ data: Dataset) throws -> TrainingOrder {
    try TrainingOrder(data, options: OrderOptions(batchSize: 2, seed: 1, flipProbability: 0.5))
  }

  @Test func encodesWhatIsMissingAndNamesWhatIsCorrupt() async throws {
    let folder = try folder()
    let cache = try ContentCache(folder.path + "/.cache")
    let data = try Dataset(
      scanning: folder.path, options: DatasetOptions(buckets: AspectBuckets.small))
    #expect(data.samples.count == 3)
    let encode = { (image: LoadedImage) -> [CachedTensor] in
      [CachedTensor(name: "pixels", shape: image.shape, values: image.pixels)]
    }
    let pass = CachingPass(try order(data), into: cache, vaeHash: "vae")
    var progress: [Int] = []
    let first = try await pass.run(progress: { done, _ in progress.append(done) }, encode: encode)
    #expect((first.encodedCount, first.storedCount, first.remadeCount) == (4, 0, 0))
    #expect(progress == [1, 2, 3, 4, 5, 6])
    #expect(first.failures.map(\.name) == ["b.jpg"])
    let reason = try #require(first.failures.first).description
    #expect(reason == "b.jpg: corrupt data: Premature end of JPEG file")

    let rest = try data.removing(first.failures)
    let order = try order(rest)
    let key = try CacheKey.latents(
      imageHash: rest.samples[1].contentHash, vaeHash: "vae",
      placement: #require(order.variants.last).placement)
    try Files.writeAtomically([1, 2, 3], to: cache.path(of: key))
    let second = try await CachingPass(order, into: cache, vaeHash: "vae").run(encode: encode)
    #expect((second.encodedCount, second.storedCount, second.remadeCount) == (1, 3, 1))
    #expect(second.failures.isEmpty)

    for variant in order.variants {
      let sample = rest.samples[variant.sampleIndex]
      let expected = try Image(contentsOf: sample.path).placed(variant.placement).normalized
      let key = CacheKey.latents(
        imageHash: sample.contentHash, vaeHash: "vae", placement: variant.placement)
      #expect(cache.stored(key)?.first?.values == expected)
    }
  }

  /// A pass that is stopped leaves whole what it has encoded; the next one goes on from there.
  @Test func stoppedPassGoesOn() async throws {
    let folder = try folder()
    let cache = try ContentCache(folder.path + "/.cache")
    let data = try Dataset(
      scanning: folder.path, options: DatasetOptions(buckets: AspectBuckets.small))
    let pass = CachingPass(try order(data), into: cache, vaeHash: "vae")
    #expect(try await pass.corruptPictures().map(\.name) == ["b.jpg"])
    #expect(pass.hasWork && pass.keys.allSatisfy { !cache.hasEntry($0) })
    let encode = { (image: LoadedImage) -> [CachedTensor] in
      [CachedTensor(name: "pixels", shape: image.shape, values: image.pixels)]
    }
    var done = 0
    let first = try await pass.run(
      shouldStop: { done == 1 }, progress: { count, _ in done = count }, encode: encode)
    #expect((first.encodedCount, first.visitedCount, first.isComplete) == (1, 1, false))
    #expect(
      pass.keys.map { cache.stored($0) != nil } == [true] + [Bool](repeating: false, count: 5))
    let second = try await pass.run(encode: encode)
    #expect((second.storedCount, second.encodedCount, second.isComplete) == (1, 3, true))
  }

  @Test func anEditedPictureIsNotTakenForTheOldOne() throws {
    let folder = try folder()
    let data = try Dataset(
      scanning: folder.path, options: DatasetOptions(buckets: AspectBuckets.small))
    let variant = try #require(order(data).variants.first)
    try folder.write(Fixture.picture("grey.png"), to: "a.png")
    let error = inputError { _ = try data.loaded(variant) }
    #expect(error?.place == folder.path + "/a.png")
  }

  @Test func failureToEncodeEndsThePass() async throws {
    let folder = try folder()
    let data = try Dataset(
      scanning: folder.path, options: DatasetOptions(buckets: AspectBuckets.small))
    let cache = try ContentCache(folder.path + "/.cache")
    let pass = CachingPass(try order(data), into: cache, vaeHash: "vae")
    await #expect(throws: InputError.self) {
      _ = try await pass.run { _ in throw InputError("device", expected: "x", found: "y") }
    }
  }
}
