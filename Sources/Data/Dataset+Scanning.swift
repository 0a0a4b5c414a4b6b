import Graph

/// What to do with a picture that has no caption.
public enum MissingCaption: String, Sendable, Codable, CaseIterable {
  /// Stop with an error that names it.
  case error
  /// Leave it out, named and counted; an error if no picture has one.
  case skip
  /// Train on it with an empty caption.
  case empty
}

/// How a folder becomes a data set.
public struct DatasetOptions: Equatable, Sendable {
  /// Extension of caption files, without the dot.
  public var captionExtension: String
  /// What to do with a picture that has no caption.
  public var missingCaption: MissingCaption
  /// Pictures whose shorter side has fewer pixels are left out; 0 keeps all.
  public var minimumSide: Int
  /// The sizes to train at.
  public var buckets: AspectBuckets

  public init(
    captionExtension: String = "txt", missingCaption: MissingCaption = .skip, minimumSide: Int = 0,
    buckets: AspectBuckets = .sdxl
  ) {
    self.captionExtension = captionExtension
    self.missingCaption = missingCaption
    self.minimumSide = minimumSide
    self.buckets = buckets
  }
}

extension Dataset {
  /// Reads a folder of pictures and those in it.
  ///
  /// A picture's caption is its line in a `metadata.jsonl` of its folder or one above, else the text
  /// file of its stem. A folder named `10_cats` repeats its pictures, and those in folders in it, 10
  /// times an epoch. Formats are told by content. Headers are checked here; the pixels are first
  /// decoded when they are needed (`removing(_:)` takes out what fails then).
  ///
  /// - Throws: `InputError` if the folder cannot be read, no picture in it can be used, a line of a
  ///   metadata file is malformed, or a caption is missing and that is an error.
  public init(scanning root: String, options: DatasetOptions = DatasetOptions()) throws {
    var root = root
    while root.count > 1, root.hasSuffix("/") { root.removeLast() }
    let listing = try FolderListing(root)
    var scan = try FolderScan(listing.files, root: root, options)
    for file in listing.files { try scan.take(file) }
    scan.nameUnusedCaptions()
    try self.init(root: root, samples: scan.samples, unused: scan.unused)
  }
}

/// The state of a scan: what is found so far.
private struct FolderScan {
  let root: String
  let options: DatasetOptions
  let metadata: CaptionMetadata
  let captionFiles: Set<String>
  var usedCaptionFiles: Set<String> = []
  var usedMetadata: Set<String> = []
  var samples: [Sample] = []
  var unused: [UnusedFile] = []

  /// Extensions of picture files: one whose content is none is corrupt and not just another file.
  static let pictureExtensions: Set<String> = [
    "png", "jpg", "jpeg", "jfif", "webp", "gif", "bmp", "tif", "tiff", "avif", "heic", "heif",
    "jxl",
    "psd",
  ]

  init(_ files: [FolderListing.File], root: String, _ options: DatasetOptions) throws {
    self.root = root
    self.options = options
    metadata = try CaptionMetadata(files, root: root)
    let suffix = options.captionExtension.lowercased()
    captionFiles = Set(files.map(\.name).filter { FilePath.pathExtension(of: $0) == suffix })
  }

  mutating func take(_ file: FolderListing.File) throws {
    let isMetadata = FilePath.joined(FilePath.folder(of: file.name), CaptionMetadata.fileName)
    if captionFiles.contains(file.name) || isMetadata == file.name { return }
    let path = FilePath.joined(root, file.name)
    do {
      let head = try Files.head(path, count: ImageFormat.headByteCount)
      let isPicture =
        ImageFormat(head: head) != nil || ImageFormat.unsupportedName(head: head) != nil
        || Self.pictureExtensions.contains(FilePath.pathExtension(of: file.name))
      guard isPicture else {
        unused.append(UnusedFile(name: file.name, reason: .notAPicture))
        return
      }
      let bytes = try Files.read(path)
      let header = try ImageHeader(bytes, name: path)
      try take(file, path, header, SHA256.hex(bytes))
    } catch let error as InputError where error.place == path {
      _ = captionFile(for: file.name)
      unused.append(UnusedFile(name: file.name, reason: .corrupt(error.found)))
    }
  }

  private mutating func take(
    _ file: FolderListing.File, _ path: String, _ header: ImageHeader, _ hash: String
  ) throws {
    let caption = try caption(for: file.name)
    let reason: UnusedFile.Reason
    switch caption {
    case .failure(let problem):
      reason = problem.reason
    case .success where file.repeats == 0:
      reason = .zeroRepeats
    case .success where min(header.width, header.height) < options.minimumSide:
      reason = .tooSmall(
        width: header.width, height: header.height, minimum: options.minimumSide)
    case .success(let text):
      samples.append(
        Sample(
          name: file.name, path: path, width: header.width, height: header.height,
          contentHash: hash, caption: text, repeats: file.repeats,
          bucket: options.buckets.nearest(width: header.width, height: header.height)))
      return
    }
    unused.append(UnusedFile(name: file.name, reason: reason))
  }

  private struct Problem: Error {
    let reason: UnusedFile.Reason
  }

  /// The text file that belongs to a picture, noted as used.
  private mutating func captionFile(for name: String) -> String? {
    let file = "\(FilePath.stem(of: name)).\(options.captionExtension)"
    guard captionFiles.contains(file) else { return nil }
    usedCaptionFiles.insert(file)
    return file
  }

  private mutating func caption(for name: String) throws -> Result<String, Problem> {
    if let line = metadata.captions[name] {
      usedMetadata.insert(name)
      return .success(line.text)
    }
    if let file = captionFile(for: name) {
      let bytes = try Files.read(FilePath.joined(root, file))
      return Caption.decoded(bytes).map { .success($0) }
        ?? .failure(Problem(reason: .unreadableCaption(file)))
    }
    let expected = "\(FilePath.stem(of: name)).\(options.captionExtension)"
    switch options.missingCaption {
    case .empty: return .success("")
    case .skip: return .failure(Problem(reason: .missingCaption(expected)))
    case .error:
      throw InputError(
        FilePath.joined(root, expected), expected: "the caption of \(name)", found: "no such file",
        hint: "write it, or set `data.missing_caption` to `skip` or `empty`")
    }
  }

  /// Captions without a picture are named too: often a picture was forgotten.
  mutating func nameUnusedCaptions() {
    for file in captionFiles where !usedCaptionFiles.contains(file) {
      unused.append(UnusedFile(name: file, reason: .unusedCaption))
    }
    for (name, line) in metadata.captions where !usedMetadata.contains(name) {
      guard !unused.contains(where: { $0.name == name }) else { continue }
      unused.append(UnusedFile(name: "\(name) (\(line.place))", reason: .unusedCaption))
    }
  }
}
