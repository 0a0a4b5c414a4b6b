/// Finds what a misspelt word was meant to be.
enum Suggestion {
  /// The candidate nearest to `word`, or nil when none is near enough to be meant.
  ///
  /// Case, `-` and `_` do not count. Near is one change in three letters, a candidate that is one of
  /// the word's parts (`v` of `v_prediction`), or one word containing the beginning of the other
  /// (`eps` and `epsilon`).
  static func nearest(to word: String, in candidates: [String]) -> String? {
    let plain = normalised(word)
    let ranked = candidates.enumerated()
      .map { (distance: distance(plain, normalised($1)), index: $0, candidate: $1) }
      .min { ($0.distance, $0.index) < ($1.distance, $1.index) }
    if let ranked, ranked.distance <= max(1, plain.count / 3) { return ranked.candidate }
    guard plain.count >= 2 else { return nil }
    let parts = word.lowercased().split { "_- ".contains($0) }.map(String.init)
    if let part = candidates.first(where: { parts.contains($0.lowercased()) }) { return part }
    return candidates.first {
      let other = normalised($0)
      return other.count >= 2 && (other.hasPrefix(plain) || plain.hasPrefix(other))
    }
  }

  /// Number of insertions, deletions, replacements and swaps of neighbours between two words
  /// (optimal string alignment).
  static func distance(_ a: String, _ b: String) -> Int {
    let a = Array(a)
    let b = Array(b)
    var beforePrevious: [Int] = []
    var previous = Array(0...b.count)
    for i in a.indices {
      var current = [i + 1]
      for j in b.indices {
        let replacement = previous[j] + (a[i] == b[j] ? 0 : 1)
        var best = min(previous[j + 1] + 1, current[j] + 1, replacement)
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
          best = min(best, beforePrevious[j - 1] + 1)
        }
        current.append(best)
      }
      (beforePrevious, previous) = (previous, current)
    }
    return previous[b.count]
  }

  private static func normalised(_ word: String) -> String {
    word.lowercased().filter { $0 != "_" && $0 != "-" }
  }
}

extension Suggestion {
  /// A hint for a key that is not in the table: the same name in another section, another
  /// trainer's name for a key, the nearest spelling, or the keys there are.
  static func hint(forKey name: String, inSection section: String) -> String {
    let keys = ConfigurationKey<Configuration>.all
    if let key = keys.first(where: { $0.name == name }) {
      return "`\(name)` stands in section `\(key.section)`"
    }
    if let key = keys.first(where: { $0.knownAs.contains(name) }) {
      return "did you mean `\(key.path)`?"
    }
    let here = keys.filter { $0.section == section }
    if let near = nearest(to: name, in: here.map(\.name)) {
      return "did you mean `\(section).\(near)`?"
    }
    if let near = nearest(to: name, in: keys.map(\.name)),
      let key = keys.first(where: { $0.name == near })
    {
      return "did you mean `\(key.path)`?"
    }
    return here.isEmpty
      ? "`vkxl config-reference` lists every key"
      : "`\(section)` has \(here.map(\.name).joined(separator: ", "))"
  }

  /// A hint for a section that is not in the table: the nearest section, or the section that a
  /// key without one belongs to.
  static func hint(forSection name: String) -> String {
    let sections = ConfigurationSection.all.map(\.name)
    let keys = ConfigurationKey<Configuration>.all
    if let near = nearest(to: name, in: sections) { return "did you mean `\(near)`?" }
    if let key = keys.first(where: { $0.name == name || $0.knownAs.contains(name) }) {
      return "did you mean `\(key.path)`?"
    }
    return hint(forKey: name, inSection: "").replacing(
      "`vkxl config-reference` lists every key",
      with: "sections are \(sections.joined(separator: ", "))")
  }
}
