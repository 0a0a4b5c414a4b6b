import VKRuntime

/// GLSL texts by path below `shaders/`, with the rule by which `#include "..."` finds them.
struct ShaderSources: Sendable {
  let texts: [String: String]

  /// The path that `#include "requested"` in the file `including` means: beside that file first,
  /// then from the root; nil when there is neither.
  func resolve(_ requested: String, from including: String) -> String? {
    let folder = including.split(separator: "/").dropLast()
    let candidates = [folder.joined(separator: "/") + "/" + requested, requested]
    return candidates.map(Self.normalized).first { texts[$0] != nil }
  }

  /// The paths of `path` and of all it includes, directly or not, each once. Conditionals are not
  /// evaluated, so it may hold more than a compilation reads, never less.
  func closure(of path: String, text: String) -> [String] {
    var found = [path]
    var next = 0
    while next < found.count {
      let current = found[next]
      for requested in Self.includes(in: next == 0 ? text : texts[current] ?? "") {
        if let target = resolve(requested, from: current), !found.contains(target) {
          found.append(target)
        }
      }
      next += 1
    }
    return found
  }

  /// What the lines `#include "..."` of a text ask for.
  static func includes(in text: String) -> [String] {
    text.split(whereSeparator: \.isNewline).compactMap { line in
      var rest = line.drop { $0 == " " || $0 == "\t" }
      guard rest.first == "#" else { return nil }
      rest = rest.dropFirst().drop { $0 == " " || $0 == "\t" }
      guard rest.hasPrefix("include") else { return nil }
      let parts = rest.split(separator: "\"", omittingEmptySubsequences: false)
      return parts.count >= 3 ? String(parts[1]) : nil
    }
  }

  /// A path without `.`, `..` and empty parts.
  static func normalized(_ path: String) -> String {
    var parts: [Substring] = []
    for part in path.split(separator: "/") where part != "." {
      if part == "..", !parts.isEmpty, parts.last != ".." {
        parts.removeLast()
      } else {
        parts.append(part)
      }
    }
    return parts.joined(separator: "/")
  }
}
