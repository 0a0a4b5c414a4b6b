/// Type and range of a configuration value: what a YAML node must be to fit its key.
enum ValueKind: Sendable {
  case boolean
  case integer(ClosedRange<Int>)
  case number(NumberRange)
  /// Any text; numbers and such count as text here.
  case text
  /// A file or folder; relative ones count from the configuration file's folder.
  case path
  /// One of these words.
  case choice([String])
  /// A list of two numbers.
  case pair(NumberRange)
  case numberOrWord(NumberRange, [String])
  case pathOrWord([String])
  /// An amount of memory with its unit.
  case byteCountOrWord([String])
  /// A list of prompts or of mappings with `ConfigurationKey.sampleKeys`.
  case samples

  /// What an error says is accepted, as in `an integer from 1 to 4096`.
  var expectation: String {
    switch self {
    case .boolean: "true or false"
    case .integer(let range): "an integer from \(range.lowerBound) to \(range.upperBound)"
    case .number(let range): "a number\(range.clause)"
    case .text: "text"
    case .path: "a path"
    case .choice(let words): Self.alternatives(words)
    case .pair(let range): "a list of two numbers\(range.clause)"
    case .numberOrWord(let range, let words):
      "a number\(range.clause), or \(Self.alternatives(words))"
    case .pathOrWord(let words): "a path, or \(Self.alternatives(words))"
    case .byteCountOrWord(let words):
      "an amount with its unit, as in 22GiB, or \(Self.alternatives(words))"
    case .samples: "a list of prompts, or of mappings with a `prompt`"
    }
  }

  /// The type's name on the reference page.
  var typeName: String {
    switch self {
    case .boolean: "boolean"
    case .integer(let range):
      range.upperBound >= 1_000_000
        ? "integer, at least \(range.lowerBound)"
        : "integer, \(range.lowerBound) to \(range.upperBound)"
    case .number(let range): "number" + (range.clause.isEmpty ? "" : ",\(range.clause)")
    case .text: "text"
    case .path: "path"
    case .choice(let words): Self.alternatives(words)
    case .pair(let range): "two numbers,\(range.clause)"
    case .numberOrWord(let range, let words):
      "number,\(range.clause), or \(Self.alternatives(words))"
    case .pathOrWord(let words): "path, or \(Self.alternatives(words))"
    case .byteCountOrWord(let words): "amount (GiB, MiB, GB), or \(Self.alternatives(words))"
    case .samples: "list"
    }
  }

  /// Words that a misspelt value may have meant.
  var words: [String] {
    switch self {
    case .choice(let words), .numberOrWord(_, let words), .pathOrWord(let words),
      .byteCountOrWord(let words):
      words
    case .boolean: ["true", "false"]
    default: []
    }
  }

  private static func alternatives(_ words: [String]) -> String {
    let quoted = words.map { "`\($0)`" }
    guard let last = quoted.last, quoted.count > 1 else { return quoted.joined() }
    return quoted.dropLast().joined(separator: ", ") + " or " + last
  }
}

/// An interval of numbers.
struct NumberRange: Sendable, Equatable {
  var lower: Double?
  var upper: Double?
  /// Whether the bounds themselves are left out.
  var excludesLower = false
  var excludesUpper = false

  static let any = NumberRange()
  static let positive = NumberRange(lower: 0, excludesLower: true)
  static let nonNegative = NumberRange(lower: 0)
  static let zeroToOne = NumberRange(lower: 0, upper: 1)
  static let zeroToBelowOne = NumberRange(lower: 0, upper: 1, excludesUpper: true)

  func contains(_ number: Double) -> Bool {
    if let lower, number < lower || (excludesLower && number == lower) { return false }
    if let upper, number > upper || (excludesUpper && number == upper) { return false }
    return number.isFinite
  }

  /// The range in words with a leading space, as in ` above 0`; empty when there is none.
  var clause: String {
    let from = lower.map(ConfigurationText.number)
    let to = upper.map(ConfigurationText.number)
    return switch (from, to) {
    case (nil, nil): ""
    case (let from?, nil): excludesLower ? " above \(from)" : " at least \(from)"
    case (nil, let to?): excludesUpper ? " below \(to)" : " at most \(to)"
    case (let from?, let to?):
      (excludesLower ? " above \(from)" : " from \(from)")
        + (excludesUpper ? " to below \(to)" : " to \(to)")
    }
  }
}
