import Foundation
import Graph
import Yams

/// Several mistakes found at once; each prints as its own error.
struct InputErrors: Error, Equatable, CustomStringConvertible {
  var errors: [InputError]

  var description: String {
    errors.map(\.description).joined(separator: "\n")
  }
}

extension Configuration {
  /// Reads a configuration file and applies `--set` overrides.
  ///
  /// Relative paths in the file count from the file's folder, those in overrides from the current
  /// folder. Files that the configuration names are not looked at (see `checkFiles`).
  ///
  /// - Parameter overrides: `path.to.key=value`, the value in YAML.
  /// - Throws: `InputErrors` with every mistake that was found.
  static func load(file: String, overrides: [String] = []) throws -> Configuration {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: file, isDirectory: &isFolder) else {
      throw InputErrors(errors: [
        InputError(
          file, expected: "a configuration file", found: "no such file",
          hint: "check the path; Examples/ has files to start from")
      ])
    }
    guard !isFolder.boolValue, let data = FileManager.default.contents(atPath: file) else {
      throw InputErrors(errors: [
        InputError(
          file, expected: "a readable configuration file",
          found: isFolder.boolValue ? "a folder" : "a file that cannot be opened")
      ])
    }
    guard let text = String(data: data, encoding: .utf8) else {
      throw InputErrors(errors: [
        InputError(file, expected: "text in UTF-8", found: "other bytes")
      ])
    }
    return try parse(text, file: file, overrides: overrides)
  }

  /// Reads a configuration from text; `file` is what messages and relative paths refer to.
  ///
  /// - Throws: `InputErrors`, as `load`.
  static func parse(
    _ text: String, file: String, overrides: [String] = []
  ) throws -> Configuration {
    var reader = ConfigurationReader(file: file)
    try reader.readFile(text)
    for override in overrides { reader.readOverride(override) }
    return try reader.configuration()
  }
}

/// Collects the keys that were given, then fills a `Configuration` from them and the defaults.
struct ConfigurationReader {
  /// A given key: its node and how to read it.
  private struct Given {
    let node: Node
    let reader: ValueReader
    let place: String
  }

  private let reader: ValueReader
  private var given: [String: Given] = [:]
  /// Given keys in the order in which their mistakes are told.
  private var order: [String] = []
  private var problems: [InputError] = []

  private static var currentFolder: String { FileManager.default.currentDirectoryPath }

  init(file: String) {
    let absolute = URL(
      fileURLWithPath: file, relativeTo: URL(fileURLWithPath: Self.currentFolder))
    reader = ValueReader(
      file: file, hasLines: true,
      baseFolder: absolute.standardized.deletingLastPathComponent().path)
  }

  /// - Throws: `InputErrors` when the text is not one YAML mapping.
  mutating func readFile(_ text: String) throws {
    guard let root = try compose(text), !Scalar.isNull(root) else {
      throw InputErrors(errors: [
        InputError(
          reader.file, expected: "a mapping of sections", found: "an empty file",
          hint: "start from Examples/quickstart.yaml; `vkxl config-reference` lists every key")
      ])
    }
    guard let sections = root.mapping else {
      throw InputErrors(errors: [
        InputError(
          reader.place(of: root), expected: "a mapping of sections",
          found: Scalar.description(of: root),
          hint: "sections are "
            + ConfigurationSection.all.map(\.name).joined(separator: ", "))
      ])
    }
    for (keyNode, valueNode) in sections { readSection(keyNode, valueNode) }
  }

  private func compose(_ text: String) throws -> Node? {
    do {
      return try Parser(yaml: text, encoding: .utf8).singleRoot()
    } catch let error as YamlError {
      throw InputErrors(errors: [error.inputError(file: reader.file)])
    }
  }

  private mutating func readSection(_ keyNode: Node, _ valueNode: Node) {
    let section = Scalar(keyNode)?.text ?? Scalar.description(of: keyNode)
    guard ConfigurationSection.all.contains(where: { $0.name == section }) else {
      problems.append(
        InputError(
          reader.place(of: keyNode), expected: "a section", found: "`\(section)`",
          hint: Suggestion.hint(forSection: section)))
      return
    }
    if Scalar.isNull(valueNode) { return }
    guard let mapping = valueNode.mapping else {
      problems.append(
        InputError(
          "\(reader.place(of: valueNode)): \(section)", expected: "a mapping of keys",
          found: Scalar.description(of: valueNode), hint: "indent its keys under `\(section):`"))
      return
    }
    for (keyNode, valueNode) in mapping {
      let name = Scalar(keyNode)?.text ?? Scalar.description(of: keyNode)
      add(
        "\(section).\(name)",
        Given(node: valueNode, reader: reader, place: reader.place(of: keyNode)))
    }
  }

  private mutating func add(_ path: String, _ entry: Given) {
    guard ConfigurationKey<Configuration>.all.contains(where: { $0.path == path }) else {
      let parts = path.split(separator: ".", maxSplits: 1).map(String.init)
      let section = parts.first ?? ""
      let name = parts.count > 1 ? parts[1] : ""
      let isSection = ConfigurationSection.all.contains { $0.name == section }
      problems.append(
        InputError(
          entry.place, expected: "a key of the configuration", found: "`\(path)`",
          hint: isSection
            ? Suggestion.hint(forKey: name, inSection: section)
            : Suggestion.hint(forSection: section)))
      return
    }
    if given.updateValue(entry, forKey: path) == nil { order.append(path) }
  }

  /// Adds one `path.to.key=value`; it takes the place of the file's.
  mutating func readOverride(_ override: String) {
    let parts = override.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let path = parts[0].trimmingCharacters(in: .whitespaces)
    guard parts.count == 2, !path.isEmpty else {
      problems.append(
        InputError(
          "--set \(override)", expected: "path.to.key=value",
          found: parts.count == 2 ? "no key" : "no `=`",
          hint: "as in --set training.batch_size=4"))
      return
    }
    let place = "--set \(path)"
    let reader = ValueReader(file: place, hasLines: false, baseFolder: Self.currentFolder)
    let text = String(parts[1])
    let kind = ConfigurationKey<Configuration>.all.first { $0.path == path }?.kind
    do {
      let node =
        switch kind {
        // As typed: a path or a prompt may hold what YAML takes for syntax.
        case .text, .path, .choice, .pathOrWord, .byteCountOrWord: Node(text)
        default: try compose(text) ?? Node("")
        }
      add(path, Given(node: node, reader: reader, place: place))
    } catch {
      problems.append(
        InputError(place, expected: kind?.expectation ?? "a value in YAML", found: "`\(text)`"))
    }
  }

  /// - Throws: `InputErrors` with everything found so far and in the values.
  consuming func configuration() throws -> Configuration {
    var configuration = Configuration()
    configuration.source.file = reader.file
    for path in order {
      guard let entry = given[path], !Scalar.isNull(entry.node),
        let key = ConfigurationKey<Configuration>.all.first(where: { $0.path == path })
      else { continue }
      configuration.source.places[path] = entry.place
      let value = entry.reader.value(
        of: entry.node, kind: key.kind, path: path, summary: key.summary, problems: &problems)
      if let value { key.write(&configuration, value) }
    }
    for key in ConfigurationKey<Configuration>.all
    where configuration.source.places[key.path] == nil {
      if let value = key.defaultValue {
        key.write(&configuration, resolvedDefault(value, key.kind))
      } else {
        problems.append(
          InputError(
            reader.file, expected: "`\(key.path)`", found: "no such key", hint: key.summary))
      }
    }
    if problems.isEmpty { problems = configuration.contradictions() }
    guard problems.isEmpty else { throw InputErrors(errors: problems) }
    return configuration
  }

  private func resolvedDefault(
    _ value: ConfigurationValue, _ kind: ValueKind
  ) -> ConfigurationValue {
    guard case (.path, .text(let path)) = (kind, value) else { return value }
    return .text(reader.resolved(path))
  }
}

extension YamlError {
  /// The error with `file:line` and one line of text.
  func inputError(file: String) -> InputError {
    let syntax = "valid YAML"
    switch self {
    case .scanner(let context, let problem, let mark, _),
      .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      let isTab = problem.contains("cannot start any token")
      return InputError(
        "\(file):\(mark.line)", expected: syntax,
        found: [context?.text, problem].compactMap { $0 }.joined(separator: ", "),
        hint: isTab
          ? "indent with spaces, not tabs, and quote text that starts with a special character"
          : "see line \(mark.line), column \(mark.column), and the line before")
    case .reader(let problem, let offset, _, let yaml):
      let line = offset.map { 1 + yaml.prefix($0).count(where: \.isNewline) }
      return InputError(
        line.map { "\(file):\($0)" } ?? file, expected: syntax, found: problem)
    case .duplicatedKeysInMapping(let duplicates, let context):
      let keys = duplicates.map { "`\($0)`" }.joined(separator: ", ")
      return InputError(
        "\(file):\(context.mark.line)", expected: "each key once",
        found: "\(keys) more than once", hint: "keep one of them")
    default:
      return InputError(file, expected: syntax, found: "\(self)")
    }
  }
}
