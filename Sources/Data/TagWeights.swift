import Foundation

/// Loss weights by how rare a caption's tags are.
///
///     share(tag) = samples with the tag / samples with tags       repeats counted
///     weight(tag) = 1 / (share(tag) + 0.1)                        0.91 to 10
///     weight(caption) = geometric mean over its tags, then scaled to mean 1 over the samples
///
/// Tags are what stands between commas, without spaces around it, in lower case, each once. Samples
/// without tags keep weight 1 and stay out of the mean.
public struct TagWeights: Equatable, Sendable {
  /// One for each of the data set's samples.
  public let weights: [Double]

  public init(_ samples: [Sample]) {
    let tags = samples.map { Self.tags(of: $0.caption) }
    var counts: [String: Int] = [:]
    var total = 0
    for (sample, tags) in zip(samples, tags) where !tags.isEmpty {
      total += sample.repeats
      for tag in tags { counts[tag, default: 0] += sample.repeats }
    }
    let raw = tags.map { tags -> Double? in
      guard !tags.isEmpty else { return nil }
      // In the order of the tags, so that two runs agree to the bit.
      let logs = tags.map { tag -> Double in
        let share = Double(counts[tag] ?? 0) / Double(total)
        return -log(share + 0.1)
      }
      return exp(logs.reduce(0, +) / Double(logs.count))
    }
    var sum = 0.0
    for (sample, weight) in zip(samples, raw) { sum += (weight ?? 0) * Double(sample.repeats) }
    let mean = total > 0 ? sum / Double(total) : 1
    weights = raw.map { $0.map { $0 / mean } ?? 1 }
  }

  /// The tags of a caption, in order.
  static func tags(of caption: String) -> [String] {
    var seen: Set<String> = []
    return caption.split(separator: ",").compactMap { part in
      let tag = part.trimmingCharacters(in: .whitespacesAndNewlines).lowercased()
      return !tag.isEmpty && seen.insert(tag).inserted ? tag : nil
    }
  }
}
