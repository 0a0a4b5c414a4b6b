import Foundation
import Graph
import Yams

/// Turns YAML nodes into checked values; every mistake is collected as an `InputError`.
struct ValueReader {
  /// Prefix of places: the configuration file, or the `--set` option.
  let file: String
  /// Whether line numbers mean something (they do not for `--set`).
  let hasLines: Bool
  /// Folder that relative paths start from.
  let baseFolder: String

  /// The problem of one value, without its place.
  struct Problem: Error {
    var expected: String
    var found: String
    var hint = ""
  }

  /// `file:line` of a node.
  func place(of node: Node) -> String {
    guard hasLines, let mark = node.mark else { return file }
    return "\(file):\(mark.line)"
  }

  /// `file:line: path`; `--set path` of an override.
  private func place(of node: Node, _ path: String) -> String {
    hasLines ? "\(place(of: node)): \(path)" : "--set \(path)"
  }

  /// The checked value of `node`, or nil with the reasons appended to `problems`.
  ///
  /// - Parameter summary: what the key means, the hint where there is no better one
  func value(
    of node: Node, kind: ValueKind, path: String, summary: String, problems: inout [InputError]
  ) -> ConfigurationValue? {
    if case .samples = kind {
      return samples(node, path: path, problems: &problems)
    }
    do {
      return try checked(node, kind)
    } catch {
      problems.append(
        InputError(
          place(of: node, path), expected: error.expected, found: error.found,
          hint: error.hint.isEmpty ? summary : error.hint))
      return nil
    }
  }

  private func checked(_ node: Node, _ kind: ValueKind) throws(Problem) -> ConfigurationValue {
    if case .pair(let range) = kind {
      guard let items = node.sequence, items.count == 2 else { throw mistyped(node, kind) }
      var numbers: [ConfigurationValue] = []
      for item in items {
        guard let number = Scalar(item)?.number, range.contains(number) else {
          throw mistyped(item, kind)
        }
        numbers.append(.number(number))
      }
      return .list(numbers)
    }
    guard let scalar = Scalar(node) else { throw mistyped(node, kind) }
    guard let value = self.scalar(scalar, kind) else { throw mistyped(node, kind) }
    return value
  }

  private func scalar(_ scalar: Scalar, _ kind: ValueKind) -> ConfigurationValue? {
    switch kind {
    case .boolean:
      return scalar.boolean.map(ConfigurationValue.boolean)
    case .integer(let range):
      guard let number = scalar.integer, range.contains(number) else { return nil }
      return .integer(number)
    case .number(let range):
      guard let number = scalar.number, range.contains(number) else { return nil }
      return .number(number)
    case .text:
      return .text(scalar.text)
    case .path:
      return scalar.text.isEmpty ? nil : .text(resolved(scalar.text))
    case .choice(let words):
      return words.contains(scalar.text) ? .text(scalar.text) : nil
    case .numberOrWord(let range, let words):
      if words.contains(scalar.text) { return .text(scalar.text) }
      guard let number = scalar.number, range.contains(number) else { return nil }
      return .number(number)
    case .pathOrWord(let words):
      if words.contains(scalar.text) { return .text(scalar.text) }
      // `synthetic:` without a known size is a misspelt word, not a file of that name.
      let stems = Set(words.compactMap { $0.split(separator: ":").first.map { "\($0):" } })
      let isMisspelt = stems.contains { scalar.text.hasPrefix($0) }
      return scalar.text.isEmpty || isMisspelt ? nil : .text(resolved(scalar.text))
    case .byteCountOrWord(let words):
      if words.contains(scalar.text) { return .text(scalar.text) }
      return ByteCount(scalar.text).map { .text($0.text) }
    case .pair, .samples:
      return nil
    }
  }

  private func mistyped(_ node: Node, _ kind: ValueKind) -> Problem {
    var hint = ""
    if let scalar = Scalar(node) {
      if scalar.isQuoted, Scalar(text: scalar.text).number != nil {
        hint = "remove the quotes"
      } else if let near = Suggestion.nearest(to: scalar.text, in: kind.words) {
        hint = "did you mean `\(near)`?"
      }
    }
    return Problem(expected: kind.expectation, found: Scalar.description(of: node), hint: hint)
  }

  /// `path` made absolute: `~/` is the home folder, relative ones count from `baseFolder`.
  func resolved(_ path: String) -> String {
    let expanded =
      path == "~" || path.hasPrefix("~/")
      ? FileManager.default.homeDirectoryForCurrentUser.path + path.dropFirst() : path
    let absolute = expanded.hasPrefix("/") ? expanded : baseFolder + "/" + expanded
    return URL(fileURLWithPath: absolute).standardized.path
  }
}

extension ValueReader {
  private func samples(
    _ node: Node, path: String, problems: inout [InputError]
  ) -> ConfigurationValue? {
    guard let items = node.sequence else {
      let problem = mistyped(node, .samples)
      problems.append(
        InputError(
          place(of: node, path), expected: problem.expected, found: problem.found,
          hint: "write `- prompt: ...` under it, one for each picture"))
      return nil
    }
    let before = problems.count
    let values = items.enumerated().map { index, item in
      sample(item, path: "\(path)[\(index)]", problems: &problems)
    }
    return problems.count == before ? .list(values) : nil
  }

  /// A prompt alone, or a mapping with the sample's keys.
  private func sample(
    _ node: Node, path: String, problems: inout [InputError]
  ) -> ConfigurationValue {
    if let scalar = Scalar(node) {
      return .mapping([.init(key: "prompt", value: .text(scalar.text))])
    }
    let here = place(of: node, path)
    guard let mapping = node.mapping else {
      problems.append(
        InputError(
          here, expected: "a prompt or a mapping", found: Scalar.description(of: node),
          hint: "as in `- {prompt: a red fox, seed: 1}`"))
      return .none
    }
    let keys = ConfigurationKey<SampleSettings>.sampleKeys
    var entries: [ConfigurationValue.Entry] = []
    for (keyNode, valueNode) in mapping {
      let name = Scalar(keyNode)?.text ?? Scalar.description(of: keyNode)
      guard let key = keys.first(where: { $0.name == name || $0.knownAs.contains(name) }),
        key.name == name
      else {
        problems.append(
          InputError(
            place(of: keyNode, path), expected: "a key of a sample", found: "`\(name)`",
            hint: Self.sampleHint(name, keys)))
        continue
      }
      if Scalar.isNull(valueNode) { continue }
      let value = value(
        of: valueNode, kind: key.kind, path: "\(path).\(name)", summary: key.summary,
        problems: &problems)
      if let value { entries.append(.init(key: name, value: value)) }
    }
    if !entries.contains(where: { $0.key == "prompt" }), mapping["prompt"] == nil {
      problems.append(
        InputError(here, expected: "a `prompt`", found: "none", hint: "write `prompt: ...`"))
    }
    return .mapping(entries)
  }

  private static func sampleHint(
    _ name: String, _ keys: [ConfigurationKey<SampleSettings>]
  ) -> String {
    let meant =
      keys.first { $0.knownAs.contains(name) }?.name
      ?? Suggestion.nearest(to: name, in: keys.map(\.name))
    if let meant { return "did you mean `\(meant)`?" }
    return "a sample has \(keys.map(\.name).joined(separator: ", "))"
  }
}
