import Yams

/// A YAML scalar, read by the rules a person expects.
///
/// Yams follows YAML 1.1, where `1e-4` is text; here every usual spelling of a number is one.
struct Scalar {
  let text: String
  /// In quotes or a block: text, whatever it looks like.
  let isQuoted: Bool

  init(text: String, isQuoted: Bool = false) {
    self.text = text
    self.isQuoted = isQuoted
  }

  /// Nil when `node` is a list, a mapping or null.
  init?(_ node: Node) {
    guard case .scalar(let scalar) = node, !Self.isNull(node) else { return nil }
    self.init(text: scalar.string, isQuoted: scalar.style != .plain && scalar.style != .any)
  }

  var boolean: Bool? {
    guard !isQuoted else { return nil }
    return switch text.lowercased() {
    case "true", "yes", "on": true
    case "false", "no", "off": false
    default: nil
    }
  }

  /// Decimal digits with an optional sign.
  var integer: Int? {
    isQuoted ? nil : Int(text)
  }

  /// A finite decimal number, with or without exponent: `1`, `.5`, `1e-4`, `2.5E+3`.
  var number: Double? {
    guard !isQuoted, text.contains(where: \.isWholeNumber),
      text.utf8.allSatisfy({ "0123456789+-.eE".utf8.contains($0) }),
      let number = Double(text), number.isFinite
    else { return nil }
    return number
  }

  /// Whether the value is left out: nothing, `~` or `null`.
  static func isNull(_ node: Node) -> Bool {
    guard case .scalar(let scalar) = node, scalar.style == .plain || scalar.style == .any else {
      return false
    }
    return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
  }

  /// What a message says was found.
  static func description(of node: Node) -> String {
    switch node {
    case .scalar(let scalar):
      guard !isNull(node) else { return "nothing" }
      let isQuoted = scalar.style != .plain && scalar.style != .any
      let text = scalar.string.count > 60 ? scalar.string.prefix(57) + "..." : scalar.string
      return isQuoted ? "the text \"\(text)\"" : "`\(text)`"
    case .sequence(let items): return items.isEmpty ? "an empty list" : "a list"
    case .mapping: return "a mapping"
    case .alias: return "an alias"
    }
  }
}
