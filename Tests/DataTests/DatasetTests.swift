import Graph
import Testing

@testable import Data

@Suite struct DatasetTests {
  private let options: DatasetOptions

  init() throws { options = DatasetOptions(buckets: try .small) }

  private func copy(_ fixture: String, to name: String, _ folder: TemporaryFolder) throws {
    try folder.write(Fixture.picture(fixture), to: name)
  }

  @Test func readsFoldersCaptionsAndRepeats() throws {
    let folder = try TemporaryFolder()
    try copy("rgb.png", to: "b.png", folder)
    try folder.write("\u{feff}  a red cat\n", to: "b.txt")
    try copy("exif6.jpg", to: "10_dogs/a.bin", folder)
    try folder.write("a dog", to: "10_dogs/a.txt")
    try copy("lossy.webp", to: "10_dogs/more/c.webp", folder)
    try folder.write("", to: "10_dogs/more/c.txt")
    try copy("grey.png", to: "plain/d.png", folder)
    try folder.write("grey", to: "plain/d.txt")
    let data = try Dataset(scanning: folder.path + "/", options: options)
    #expect(
      data.samples.map(\.name) == ["10_dogs/a.bin", "10_dogs/more/c.webp", "b.png", "plain/d.png"])
    #expect(data.samples.map(\.caption) == ["a dog", "", "a red cat", "grey"])
    #expect(data.samples.map(\.repeats) == [10, 10, 1, 1])
    #expect(
      data.samples.map { [$0.width, $0.height] } == [[30, 45], [33, 27], [29, 21], [29, 21]])
    #expect(data.samples[2].contentHash == SHA256.hex(try Fixture.picture("rgb.png")))
    #expect(data.epochCount == 22)
    #expect(data.unused.isEmpty)
    #expect(try Image(contentsOf: data.samples[0].path).height == 45)
  }

  @Test func namesEveryUnusedFileWithItsReason() throws {
    let folder = try TemporaryFolder()
    try copy("exif1.jpg", to: "good.jpg", folder)
    try folder.write("good", to: "good.txt")
    for name in ["garbage.png", "empty.png", "picture.gif", "huge.png", "animated.webp"] {
      try copy(name, to: name, folder)
    }
    try copy("rgb.png", to: "lonely.png", folder)
    try copy("rgb.png", to: "0_off/off.png", folder)
    try folder.write("off", to: "0_off/off.txt")
    try copy("grey16.png", to: "small.png", folder)
    try folder.write("small", to: "small.txt")
    try copy("rgb.png", to: "latin.png", folder)
    try folder.write([0x63, 0xe9], to: "latin.txt")
    try folder.write("notes", to: "README.md")
    try folder.write("no picture", to: "orphan.txt")
    try folder.write("hidden", to: ".hidden")
    var options = options
    options.minimumSide = 16
    let data = try Dataset(scanning: folder.path, options: options)
    #expect(data.samples.map(\.name) == ["good.jpg"])
    let reasons = Dictionary(uniqueKeysWithValues: data.unused.map { ($0.name, "\($0.reason)") })
    #expect(
      reasons == [
        "0_off/off.png": "its folder's name asks for 0 repeats",
        "README.md": "not a PNG, JPEG or WebP picture",
        "animated.webp": "an animated WebP",
        "empty.png": "bytes of no known picture format",
        "garbage.png": "bytes of no known picture format",
        "huge.png": "900000 x 900000",
        "latin.png": "its caption is not UTF-8 (latin.txt)",
        "lonely.png": "no caption (lonely.txt)",
        "orphan.txt": "a caption without a picture",
        "picture.gif": "GIF, which is not read",
        "small.png": "too small: 13 x 9, the shorter side must be at least 16",
      ])
    #expect(data.summary.contains("not used: 9 pictures, 2 other files"))
    #expect(data.summary.contains("  lonely.png: no caption (lonely.txt)"))
  }

  @Test func missingCaptionPolicies() throws {
    let folder = try TemporaryFolder()
    try copy("rgb.png", to: "a.png", folder)
    var options = options
    let all = try #require(
      inputError { _ = try Dataset(scanning: folder.path, options: options) })
    #expect(all.place == folder.path)
    #expect(all.found == "1 picture that cannot be used: a.png: no caption (a.txt)")
    options.missingCaption = .empty
    #expect(try Dataset(scanning: folder.path, options: options).samples.map(\.caption) == [""])
    options.missingCaption = .error
    let one = try #require(
      inputError { _ = try Dataset(scanning: folder.path, options: options) })
    #expect(one.place == folder.path + "/a.txt")
    options.captionExtension = "caption"
    try folder.write("x", to: "a.caption")
    #expect(try Dataset(scanning: folder.path, options: options).samples.map(\.caption) == ["x"])
  }

  @Test func emptyMissingAndUnusableFoldersAreErrors() throws {
    let folder = try TemporaryFolder()
    #expect(
      inputError { _ = try Dataset(scanning: folder.path) }?.found == "no picture in 0 files")
    #expect(
      inputError { _ = try Dataset(scanning: folder.path + "/none") }?.found
        == "No such file or directory")
    try copy("garbage.png", to: "a.png", folder)
    try copy("empty.png", to: "b.png", folder)
    #expect(
      inputError { _ = try Dataset(scanning: folder.path) }?.found
        == "2 pictures, none usable; the first is a.png: bytes of no known picture format")
    #expect(
      inputError { _ = try Dataset(scanning: folder.path + "/a.png") }?.found == "a file")
  }

  @Test func metadataGivesCaptions() throws {
    let folder = try TemporaryFolder()
    try copy("rgb.png", to: "a.png", folder)
    try copy("grey.png", to: "sub/b.png", folder)
    try folder.write("from the text file", to: "a.txt")
    try folder.write(
      """
      {"file_name": "a.png", "text": "from \\u00e9 metadata", "extra": 3}\r

      {"file_name": "missing.png", "text": "?"}
      """, to: "metadata.jsonl")
    try folder.write("{\"file_name\": \"b.png\", \"text\": \"b\"}\n", to: "sub/metadata.jsonl")
    let data = try Dataset(scanning: folder.path, options: options)
    #expect(data.samples.map(\.caption) == ["from \u{e9} metadata", "b"])
    #expect(
      data.unused.map(\.name) == ["a.txt", "missing.png (\(folder.path)/metadata.jsonl:3)"])
  }

  @Test(arguments: [
    ("{\"file_name\": \"a.png\", \"text\": 5}", 1), ("\nnot JSON", 2),
    ("{\"file_name\": \"a\"}", 1),
    (
      """
      {"file_name": "a.png", "text": "1"}
      {"file_name": "a.png", "text": "2"}
      """, 2
    ),
  ])
  func malformedMetadataIsAnErrorWithItsLine(_ text: String, _ line: Int) throws {
    let folder = try TemporaryFolder()
    try copy("rgb.png", to: "a.png", folder)
    try folder.write(text, to: "metadata.jsonl")
    let error = try #require(inputError { _ = try Dataset(scanning: folder.path) })
    #expect(error.place == "\(folder.path)/metadata.jsonl:\(line)")
  }

  @Test func fingerprintFollowsContent() throws {
    let folder = try TemporaryFolder()
    try copy("rgb.png", to: "a.png", folder)
    try folder.write("one", to: "a.txt")
    let first = try Dataset(scanning: folder.path, options: options)
    #expect(try Dataset(scanning: folder.path, options: options).fingerprint == first.fingerprint)
    try folder.write("two", to: "a.txt")
    let second = try Dataset(scanning: folder.path, options: options)
    #expect(second.fingerprint != first.fingerprint)
    try copy("grey.png", to: "a.png", folder)
    let third = try Dataset(scanning: folder.path, options: options)
    #expect(third.fingerprint != second.fingerprint)
  }

  @Test func removingFailuresKeepsTheRest() throws {
    let folder = try TemporaryFolder()
    for name in ["a", "b"] {
      try copy("rgb.png", to: "\(name).png", folder)
      try folder.write(name, to: "\(name).txt")
    }
    let data = try Dataset(scanning: folder.path, options: options)
    let failure = UnusedFile(name: "a.png", reason: .corrupt("why"))
    let rest = try data.removing([failure])
    #expect(rest.samples.map(\.name) == ["b.png"])
    #expect(rest.unused == [failure])
    #expect(
      inputError { _ = try rest.removing([UnusedFile(name: "b.png", reason: .corrupt("too"))]) }
        != nil)
  }

  @Test func repeatsAreReadFromFolderNames() {
    #expect(FolderListing.repeats(of: "10_cats and dogs") == 10)
    #expect(FolderListing.repeats(of: "007_x") == 7)
    for name in ["cats", "_x", "x_10", "1.5_x", "10", "-3_x"] {
      #expect(FolderListing.repeats(of: name) == nil)
    }
  }
}

extension AspectBuckets {
  /// 32x32, 40x24, 24x40: sizes that tests can afford.
  static var small: AspectBuckets {
    get throws { try AspectBuckets(area: 1024, step: 8, ratios: [1, 5.0 / 3]) }
  }
}
