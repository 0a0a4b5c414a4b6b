import Graph

/// One picture with its caption.
public struct Sample: Equatable, Sendable {
  /// Path below the data folder: its name in messages.
  public var name: String
  /// Path to read it from.
  public var path: String
  /// Size as seen, in pixels.
  public var width: Int, height: Int
  /// SHA-256 of the file, hexadecimal.
  public var contentHash: String
  /// What the picture shows; may be empty.
  public var caption: String
  /// How often an epoch shows it; at least 1.
  public var repeats: Int
  /// The size it is trained at.
  public var bucket: Bucket
}

/// A file in the data folder that is not trained on, and why.
public struct UnusedFile: Equatable, Sendable, CustomStringConvertible {
  /// Why a file is not used.
  public enum Reason: Equatable, Sendable, CustomStringConvertible {
    /// It has no caption; the value is where one was looked for.
    case missingCaption(String)
    /// Its caption is not UTF-8; the value is the caption's file.
    case unreadableCaption(String)
    /// It cannot be read or decoded, with the reason.
    case corrupt(String)
    /// Its shorter side is below the minimum configured.
    case tooSmall(width: Int, height: Int, minimum: Int)
    /// Its folder's name asks for no repeats.
    case zeroRepeats
    /// It is no picture.
    case notAPicture
    /// It is a caption that no picture uses.
    case unusedCaption

    public var description: String {
      switch self {
      case .missingCaption(let place): "no caption (\(place))"
      case .unreadableCaption(let place): "its caption is not UTF-8 (\(place))"
      case .corrupt(let reason): reason
      case .tooSmall(let width, let height, let minimum):
        "too small: \(width) x \(height), the shorter side must be at least \(minimum)"
      case .zeroRepeats: "its folder's name asks for 0 repeats"
      case .notAPicture: "not a PNG, JPEG or WebP picture"
      case .unusedCaption: "a caption without a picture"
      }
    }
  }

  /// Path below the data folder.
  public var name: String
  /// Why it is not used.
  public var reason: Reason

  public init(name: String, reason: Reason) {
    self.name = name
    self.reason = reason
  }

  public var description: String { "\(name): \(reason)" }

  /// Whether a picture is lost; other files lie beside the pictures.
  public var isPicture: Bool {
    reason != .notAPicture && reason != .unusedCaption
  }
}

/// The pictures that are trained on, in the order of their names, and the files that are not.
public struct Dataset: Equatable, Sendable {
  /// The folder.
  public let root: String
  /// What is trained on; never empty.
  public let samples: [Sample]
  /// What is not, and why, in the order of names.
  public let unused: [UnusedFile]

  /// - Throws: `InputError` if `samples` is empty.
  init(root: String, samples: [Sample], unused: [UnusedFile]) throws {
    self.root = root
    self.samples = samples
    self.unused = unused.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    guard samples.isEmpty else { return }
    let pictures = self.unused.filter(\.isPicture)
    let found =
      switch pictures.count {
      case 0: "no picture in \(counted(self.unused.count, "file"))"
      case 1: "1 picture that cannot be used: \(pictures[0])"
      default: "\(pictures.count) pictures, none usable; the first is \(pictures[0])"
      }
    let isDamaged = pictures.contains { if case .corrupt = $0.reason { true } else { false } }
    throw InputError(
      root, expected: "PNG, JPEG or WebP pictures with captions", found: found,
      hint: isDamaged
        ? "copy the damaged ones again, or save them anew as PNG, JPEG or WebP"
        : "put cat.txt with the caption beside cat.png, or a metadata.jsonl in the folder")
  }

  /// The data set without the pictures that turned out to be unusable.
  ///
  /// - Throws: `InputError` if none remains.
  public func removing(_ failures: [UnusedFile]) throws -> Dataset {
    let names = Set(failures.map(\.name))
    return try Dataset(
      root: root, samples: samples.filter { !names.contains($0.name) }, unused: unused + failures)
  }

  /// Samples of an epoch, repeats counted.
  public var epochCount: Int { samples.reduce(0) { $0 + $1.repeats } }

  /// SHA-256 over all that decides what is trained on (names, contents, captions, repeats, sizes): a
  /// run resumed with another data set is told by it.
  public var fingerprint: String {
    var hash = SHA256()
    for sample in samples {
      let parts = [
        sample.name, sample.contentHash, sample.caption, "\(sample.repeats)", "\(sample.bucket)",
      ]
      hash.update(CacheKey.joined(parts))
    }
    return SHA256.hex(digest: hash.finalized())
  }

  /// What a log should say: counts, buckets, then every file that is not used with its reason.
  public var summary: [String] {
    var counts: [Bucket: Int] = [:]
    for sample in samples { counts[sample.bucket, default: 0] += sample.repeats }
    let buckets = counts.sorted {
      ($0.key.aspectRatio, $0.key.width) < ($1.key.aspectRatio, $1.key.width)
    }
    var lines = [
      "\(counted(samples.count, "picture")), \(counted(epochCount, "sample")) an epoch"
    ]
    lines += buckets.map { "  \($0.key): \(counted($0.value, "sample"))" }
    if !unused.isEmpty {
      let pictures = unused.count { $0.isPicture }
      lines.append(
        "not used: \(counted(pictures, "picture")), "
          + counted(unused.count - pictures, "other file"))
      lines += unused.map { "  \($0)" }
    }
    return lines
  }
}
