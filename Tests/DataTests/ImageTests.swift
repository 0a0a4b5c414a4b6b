import Graph
import Testing

@testable import Data

/// Decoding against what Pillow 13.0.0 makes of the same files (`Fixtures/make_fixtures.py`).
@Suite struct ImageTests {
  /// Compression without loss and no transparency: every sample is the file's.
  @Test(arguments: [
    "rgb.png", "grey.png", "palette.png", "palette2.png", "bits1.png", "exif3.png",
    "interlaced.png", "lossless.webp", "exif6.webp", "grey-key.png", "rgb-key.png",
  ])
  func decodesExactly(_ name: String) throws {
    let expected = try Fixture.raw("pictures/\(name).rgb")
    let image = try Image(decoding: Fixture.picture(name), name: name)
    #expect(image.bitsPerSample == 8)
    #expect((image.width, image.height) == (expected.width, expected.height))
    #expect(image.rgb.map { Int($0) } == expected.samples)
  }

  /// Transparency: Pillow's compositing has its own rounding, so one level may differ. Lossy
  /// formats: the same for other versions of their libraries.
  @Test(arguments: [
    "grey-alpha.png", "rgba.png", "palette-alpha.png", "lossless-alpha.webp", "lossy.webp",
    "lossy-alpha.webp", "grey.jpg", "progressive.jpg", "full-chroma.jpg", "cmyk.jpg", "exif1.jpg",
    "exif2.jpg", "exif3.jpg", "exif4.jpg", "exif5.jpg", "exif6.jpg", "exif7.jpg", "exif8.jpg",
  ])
  func decodesWithinOneLevel(_ name: String) throws {
    let expected = try Fixture.raw("pictures/\(name).rgb")
    let image = try Image(decoding: Fixture.picture(name), name: name)
    #expect((image.width, image.height) == (expected.width, expected.height))
    let worst = zip(image.rgb, expected.samples).map { abs(Int($0) - $1) }.max()
    #expect(try #require(worst) <= 1)
  }

  @Test(arguments: ["grey16.png", "rgb16.png", "rgba16.png"])
  func keepsSixteenBits(_ name: String) throws {
    let expected = try Fixture.raw("pictures/\(name).rgb")
    let image = try Image(decoding: Fixture.picture(name), name: name)
    #expect(image.bitsPerSample == 16)
    #expect((image.width, image.height) == (expected.width, expected.height))
    #expect(image.levels == expected.samples.map { Float($0) / 257 })
    #expect(image.normalized == expected.samples.map { Float($0) / 32767.5 - 1 })
  }

  @Test func headerGivesTheUprightSizeWithoutDecoding() throws {
    for (name, width, height) in [("exif1.jpg", 45, 30), ("exif6.jpg", 30, 45)] {
      let header = try ImageHeader(Fixture.picture(name), name: name)
      #expect((header.width, header.height) == (width, height))
    }
    let header = try ImageHeader(Fixture.picture("exif6.webp"), name: "exif6.webp")
    #expect(header.format == .webp)
    #expect((header.width, header.height) == (27, 33))
  }

  @Test(arguments: [
    ("truncated.png", "ends too early"), ("truncated.jpg", "Premature end"),
    ("truncated.webp", "ends too early"), ("truncated-lossless.webp", "ends too early"),
    ("flipped-byte.png", "corrupt data"), ("garbage.png", "no known picture format"),
    ("empty.png", "no known picture format"), ("animated.webp", "animated"),
    ("picture.gif", "GIF"), ("huge.png", "900000 x 900000"),
  ])
  func refusesNamingFileAndReason(_ name: String, _ reason: String) throws {
    let bytes = try Fixture.picture(name)
    let error = try #require(
      inputError { _ = try Image(decoding: bytes, name: "folder/\(name)") })
    #expect(error.place == "folder/\(name)")
    #expect(error.found.contains(reason), "\(error)")
  }

  /// Every way to cut a file short is an error: none crashes, none gives half a picture. A WebP or
  /// PNG may lose bytes after its pixels only.
  @Test(arguments: ["rgb.png", "exif1.jpg", "progressive.jpg", "lossy.webp", "lossless-alpha.webp"])
  func refusesEveryTruncation(_ name: String) throws {
    let bytes = try Fixture.picture(name)
    let whole = try Image(decoding: bytes, name: name)
    for count in 0..<bytes.count {
      let cut = Array(bytes[..<count])
      guard let image = try? Image(decoding: cut, name: name) else { continue }
      #expect(image == whole, "cut to \(count) of \(bytes.count)")
      #expect(bytes.count - count <= 2, "cut to \(count) of \(bytes.count)")
    }
  }

  /// Damage must not crash; what it decodes to is the format's affair.
  @Test(arguments: ["rgb.png", "palette-alpha.png", "exif6.jpg", "cmyk.jpg", "lossless-alpha.webp"])
  func survivesDamage(_ name: String) throws {
    let bytes = try Fixture.picture(name)
    let noise = RandomStream(seed: 5, purpose: .crop, epoch: 0)
    for trial in 0..<300 {
      var damaged = bytes
      for draw in 0..<3 {
        let place = noise.integer(below: bytes.count, trial, draw: UInt32(draw))
        damaged[place] = UInt8(truncatingIfNeeded: noise.bits(trial, draw: UInt32(draw + 10)))
      }
      _ = inputError { _ = try Image(decoding: damaged, name: name) }
    }
  }

  @Test func missingFileIsNamed() throws {
    let error = try #require(inputError { _ = try Image(contentsOf: "no/such.png") })
    #expect(error.place == "no/such.png")
    #expect(error.found == "No such file or directory")
  }

  @Test func normalizedValuesRoundTrip() {
    let image = noise(width: 40, height: 30)
    #expect(Image(width: 40, height: 30, normalized: image.normalized) == image)
    let ends = Image(width: 2, height: 1, filledWith: (0, 255, 51)).normalized
    #expect(ends == [-1, 1, -0.6, -1, 1, -0.6])
    let odd = Image(width: 1, height: 1, normalized: [.nan, .infinity, -7])
    #expect(odd.rgb == [0, 255, 0])
  }

  @Test func gridPlacesCells() {
    let red = Image(width: 2, height: 2, filledWith: (255, 0, 0))
    let blue = Image(width: 1, height: 2, filledWith: (0, 0, 255))
    let grid = ImageGrid([red, blue, red], columns: 2, gap: 1).image()
    #expect((grid.width, grid.height) == (7, 7))
    let pixel = { (x: Int, y: Int) in Array(grid.rgb[((y * 7 + x) * 3)..<((y * 7 + x) * 3 + 3)]) }
    #expect(pixel(0, 0) == [255, 255, 255])
    #expect(pixel(1, 1) == [255, 0, 0])
    #expect(pixel(3, 1) == [255, 255, 255])
    #expect(pixel(4, 2) == [0, 0, 255])
    #expect(pixel(5, 1) == [255, 255, 255])
    #expect(pixel(2, 5) == [255, 0, 0])
    #expect(pixel(4, 4) == [255, 255, 255])
  }
}
