import Model

/// Writing configurations as text.
enum ConfigurationText {
  /// A number in its shortest exact decimal form: `1`, `0.5`, `1e-05`.
  static func number(_ number: Double) -> String {
    let text = "\(number)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  /// A value in YAML flow style, on one line.
  static func flow(_ value: ConfigurationValue) -> String {
    switch value {
    case .none: "null"
    case .boolean(let flag): flag ? "true" : "false"
    case .integer(let integer): "\(integer)"
    case .number(let number): self.number(number)
    case .text(let text): quoted(text)
    case .list(let items): "[" + items.map(flow).joined(separator: ", ") + "]"
    case .mapping(let entries):
      "{" + entries.map { "\($0.key): \(flow($0.value))" }.joined(separator: ", ") + "}"
    }
  }

  /// Text plain when YAML reads it back as the same text, else in double quotes.
  private static func quoted(_ text: String) -> String {
    let isWord =
      text.unicodeScalars.allSatisfy {
        $0.isASCII && ($0.properties.isAlphabetic || "0123456789_./:-".unicodeScalars.contains($0))
      } && text.unicodeScalars.first.map { $0.properties.isAlphabetic || $0 == "/" } == true
      && !text.hasSuffix(":") && Scalar(text: text).boolean == nil && text.lowercased() != "null"
    return isWord ? text : quotedText(text)
  }

}

extension Configuration {
  /// The effective configuration as YAML: every key with its value, paths absolute.
  ///
  /// Reading it back gives the same configuration, from any folder.
  var yamlText: String {
    var text = ""
    for section in ConfigurationSection.all {
      text += "# \(section.summary)\n\(section.name):\n"
      for key in ConfigurationKey<Configuration>.all where key.section == section.name {
        let value = key.path == "output.name" ? .text(runName) : key.read(self)
        if case .list(let items) = value, case .samples = key.kind, !items.isEmpty {
          text += "  \(key.name):\n"
          text += items.map { "    - \(ConfigurationText.flow($0))\n" }.joined()
        } else {
          text += "  \(key.name): \(ConfigurationText.flow(value))\n"
        }
      }
      text += "\n"
    }
    return String(text.dropLast())
  }

  /// Everything here that determines results, one `path: value` a line, in the table's order.
  ///
  /// Paths are not part of it: a checkpoint and a data set are known by their content. The run's
  /// length is part of it only if the learning rate depends on it.
  var canonicalText: String {
    var lines: [String] = []
    for key in ConfigurationKey<Configuration>.all {
      switch key.resume {
      case .free: continue
      case .scheduleLength where optimizer.scheduler == .constant: continue
      case .result, .scheduleLength:
        lines.append("\(key.path): \(ConfigurationText.flow(key.read(self)))")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// 64-bit FNV-1a of `canonicalText`, in 16 hexadecimal digits.
  var fingerprint: String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in canonicalText.utf8 {
      hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
    }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// What would change if a run with `canonicalText` `stored` were resumed with this configuration,
  /// as in `training.batch_size was 4, is now 8`; empty when nothing would.
  func differences(fromCanonicalText stored: String) -> [String] {
    func table(_ text: String) -> [(path: String, value: String)] {
      text.split(separator: "\n").map { line in
        let path = line.prefix { $0 != ":" }
        return (String(path), String(line.dropFirst(path.count + 2)))
      }
    }
    let before = table(stored)
    let now = table(canonicalText)
    let paths =
      now.map(\.path)
      + before.map(\.path).filter { path in
        !now.contains { $0.path == path }
      }
    return paths.compactMap { path in
      let old = before.first { $0.path == path }?.value
      let new = now.first { $0.path == path }?.value
      guard old != new else { return nil }
      return "\(path) was \(old ?? "not set"), is now \(new ?? "not set")"
    }
  }
}
