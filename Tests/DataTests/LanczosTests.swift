import Testing

@testable import Data

@Suite struct LanczosTests {
  /// Against `Image.resize(size, Image.LANCZOS)` of Pillow 13.0.0. The requirement is one level of
  /// 255; the arithmetic is Pillow's, so none is allowed.
  @Test(arguments: [
    "noise-16x16", "noise-47x13", "noise-20x31", "noise-94x62", "noise-101x33", "noise-1x1",
    "noise-5x90", "edges-64x64", "edges-11x9", "edges-37x30", "scene-64x43", "scene-33x80",
    "dot-7x3",
  ])
  func equalsPillow(_ name: String) throws {
    let stem = try #require(name.split(separator: "-").first)
    let source = try Fixture.raw("resize/\(stem).rgb")
    let expected = try Fixture.raw("resize/\(name).rgb")
    let image = Image(
      width: source.width, height: source.height, rgb: source.samples.map { UInt8($0) })
    let resized = image.resized(width: expected.width, height: expected.height)
    let differences = zip(resized.rgb, expected.samples).map { abs(Int($0) - $1) }
    #expect(differences.count == expected.samples.count)
    #expect(differences.max() == 0)
  }

  /// At 16 bits the two roundings of 8-bit arithmetic go away: half a level after each pass, the
  /// first one weighted by the second pass's weights (their absolute sum is below 1.5).
  @Test func sixteenBitsAgreeWithEight() throws {
    let source = try Fixture.raw("resize/noise.rgb")
    let eight = Raster<UInt8>(
      width: source.width, height: source.height, samples: source.samples.map { UInt8($0) })
    let sixteen = Raster<UInt16>(
      width: source.width, height: source.height, samples: source.samples.map { UInt16($0 * 257) })
    let small = Image(eight).resized(width: 20, height: 31).levels
    let large = Image(sixteen).resized(width: 20, height: 31).levels
    let worst = zip(small, large).map { abs($0 - $1) }.max()
    #expect(try #require(worst) <= 0.5 + 0.75)
    #expect(try #require(worst) > 0)
  }

  @Test(arguments: [(30, 20), (47, 20), (20, 31), (47, 31), (90, 70)])
  func partOfAPictureIsItsPart(_ width: Int, _ height: Int) {
    let picture = noise(width: 47, height: 31)
    let whole = picture.resized(width: width, height: height)
    let part = picture.resized(width: width, height: height, columns: 3..<17, rows: 5..<19)
    #expect(part == whole.cropped(top: 5, left: 3, width: 14, height: 14))
  }

  @Test func keepsConstantsAndSize() {
    let flat = Image(width: 31, height: 17, filledWith: (3, 128, 254))
    #expect(
      flat.resized(width: 10, height: 40)
        == Image(width: 10, height: 40, filledWith: (3, 128, 254)))
    let picture = noise(width: 9, height: 8)
    #expect(picture.resized(width: 9, height: 8) == picture)
  }
}
