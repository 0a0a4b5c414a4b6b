import Testing

@testable import Data

@Suite struct AspectBucketsTests {
  private func sizes(_ buckets: AspectBuckets) -> [String] { buckets.buckets.map(\.description) }

  /// SDXL's usual sizes, as METHODS names them: five and four transposes.
  @Test func defaultsAreSDXLsSizes() throws {
    let expected = [
      "640x1536", "768x1344", "832x1216", "896x1152", "1024x1024", "1152x896", "1216x832",
      "1344x768", "1536x640",
    ]
    #expect(sizes(.sdxl) == expected)
    #expect(sizes(try AspectBuckets()) == expected)
  }

  /// floor(sqrt(area r) / step) step by hand, for 512^2: sqrt(r) 512 = 512, 580.5, 618.9, 677.3, 793.2
  /// and 512 / sqrt(r) = 512, 451.6, 423.5, 387.0, 330.5.
  @Test func otherAreasFollowTheSameRatios() throws {
    let buckets = try AspectBuckets(area: 512 * 512, step: 32)
    #expect(
      sizes(buckets) == [
        "320x768", "384x672", "416x608", "448x576", "512x512", "576x448", "608x416", "672x384",
        "768x320",
      ])
    #expect(sizes(try AspectBuckets(area: 64 * 64, step: 64)) == ["64x64"])
  }

  @Test func everySideWithinBounds() throws {
    let buckets = try AspectBuckets(
      area: 256 * 256, step: 64, minimumSide: 128, maximumSide: 512, maximumAspectRatio: 3)
    // 128 x 512 has ratio 4; 320 x 192 and 384 x 128: floor(65536 / 320 / 64), floor(... / 384 / 64).
    #expect(sizes(buckets) == ["128x384", "192x320", "256x256", "320x192", "384x128"])
  }

  @Test(arguments: [
    (1024, 1024, "1024x1024"), (1000, 600, "1344x768"), (3000, 4000, "896x1152"),
    (2000, 1000, "1344x768"), (10, 1000, "640x1536"), (1100, 1000, "1024x1024"),
    (1140, 1000, "1152x896"),
  ])
  func nearestByLogRatio(_ width: Int, _ height: Int, _ expected: String) {
    // The border between 1 and 9/7 is sqrt(9/7) = 1.1339.
    #expect(AspectBuckets.sdxl.nearest(width: width, height: height).description == expected)
  }

  @Test func refusesNonsense() {
    #expect(inputError { _ = try AspectBuckets(area: 1024, step: 64) } != nil)
    #expect(inputError { _ = try AspectBuckets(step: 60) } != nil)
    #expect(inputError { _ = try AspectBuckets(ratios: [0]) } != nil)
    #expect(inputError { _ = try AspectBuckets([]) } != nil)
    #expect(inputError { _ = try AspectBuckets([Bucket(width: 60, height: 64)]) } != nil)
    let none = inputError {
      _ = try AspectBuckets(area: 256 * 256, step: 64, minimumSide: 512, maximumSide: 1024)
    }
    #expect(none != nil)
  }

  @Test(arguments: [
    // width, height, resized width and height, crop top, crop left; numbers by hand:
    // 1000x600 into 1344x768: 600 * 1.344 = 806.4; 3000x4000 into 896x1152: 4000 * 896/3000 = 1194.7
    (1000, 600, 1344, 806, 19, 0), (3000, 4000, 896, 1195, 21, 0), (2000, 1000, 1536, 768, 0, 96),
    (1024, 1024, 1024, 1024, 0, 0), (512, 512, 1024, 1024, 0, 0),
    (1, 5000, 640, 3_200_000, 1_599_232, 0),
  ])
  func resizesToCoverThenCrops(
    _ width: Int, _ height: Int, _ resizedWidth: Int, _ resizedHeight: Int, _ top: Int, _ left: Int
  ) {
    let bucket = AspectBuckets.sdxl.nearest(width: width, height: height)
    let placement = Placement(originalWidth: width, originalHeight: height, bucket: bucket)
    #expect((placement.resizedWidth, placement.resizedHeight) == (resizedWidth, resizedHeight))
    #expect((placement.cropTop, placement.cropLeft) == (top, left))
    #expect(
      placement.timeIDs
        == [height, width, top, left, bucket.height, bucket.width].map { Float($0) })
  }

  @Test func mirroringMirrorsCropLeft() {
    let bucket = Bucket(width: 1344, height: 768)
    let placed = { (isFlipped: Bool) in
      Placement(originalWidth: 2000, originalHeight: 1000, bucket: bucket, isFlipped: isFlipped) {
        freeDown, freeAcross in
        #expect((freeDown, freeAcross) == (0, 192))
        return (0, 10)
      }
    }
    #expect(placed(false).timeIDs == [1000, 2000, 0, 10, 768, 1344])
    #expect(placed(true).timeIDs == [1000, 2000, 0, 182, 768, 1344])
  }

  @Test func placedPictureIsResizedCroppedAndMirrored() {
    let picture = noise(width: 50, height: 33)
    let placement = Placement(
      originalWidth: 50, originalHeight: 33, bucket: Bucket(width: 40, height: 48), isFlipped: true
    ) { _, _ in (0, 7) }
    #expect((placement.resizedWidth, placement.resizedHeight) == (73, 48))
    let expected = picture.resized(width: 73, height: 48)
      .cropped(top: 0, left: 7, width: 40, height: 48).flipped()
    #expect(picture.placed(placement) == expected)
  }

  /// A strip whose resized form would have 2 billion pixels is cropped without being made.
  @Test func elongatedPicturesCostOnlyTheirCrop() {
    let strip = Image(width: 1, height: 5000, filledWith: (9, 8, 7))
    let placement = Placement(
      originalWidth: 1, originalHeight: 5000, bucket: Bucket(width: 640, height: 1536))
    #expect(strip.placed(placement) == Image(width: 640, height: 1536, filledWith: (9, 8, 7)))
  }
}
