import Foundation
import Graph

/// One picture that a prompt file asks for; what it does not say is nil.
public struct PromptLine: Equatable, Sendable {
  /// What the picture shows.
  public var prompt: String
  /// What it does not show (`--n`).
  public var negative: String?
  /// Pixels (`--w`).
  public var width: Int?
  /// Pixels (`--h`).
  public var height: Int?
  /// Sampler steps (`--s`).
  public var steps: Int?
  /// Classifier-free guidance scale (`--l`).
  public var guidance: Double?
  /// Seed of the noise (`--d`).
  public var seed: UInt32?
  /// `file:line`, for messages.
  public var place: String
}

/// A text file of prompts, one a line, with the flags that kohya's scripts know:
///
///     a red fox in snow --n blurry --w 832 --h 1216 --s 28 --l 6 --d 7
///
/// Empty lines and lines that begin with # are left out.
public enum PromptFile {
  private static let flags = "--n, --w, --h, --s, --l, --d"

  /// - Throws: `InputError` when the file cannot be read, has no prompt, or a flag is wrong.
  public static func read(_ path: String, place: String) throws -> [PromptLine] {
    let text: String
    do {
      text = try String(contentsOfFile: path, encoding: .utf8)
    } catch {
      throw InputError(
        place, expected: "a text file of prompts, one a line",
        found: "\(path), which cannot be read")
    }
    let lines = try parse(text, name: path)
    guard !lines.isEmpty else {
      throw InputError(path, expected: "at least one prompt", found: "none")
    }
    return lines
  }

  /// - Throws: `InputError` naming the first line with a flag that is wrong.
  public static func parse(_ text: String, name: String) throws -> [PromptLine] {
    // Swift takes a Windows line's end for one character, which is not "\n".
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    return try lines.enumerated().compactMap {
      let line = $1.trimmingCharacters(in: .whitespacesAndNewlines)
      return line.isEmpty || line.hasPrefix("#") ? nil : try Self.line(line, "\(name):\($0 + 1)")
    }
  }

  private static func line(_ text: String, _ place: String) throws -> PromptLine {
    var parts: [String] = []
    for part in (" " + text).components(separatedBy: " --") {
      // A dash that no letter follows is text.
      if !parts.isEmpty, part.first?.isLetter != true {
        parts[parts.count - 1] += " --" + part
      } else {
        parts.append(part)
      }
    }
    var line = PromptLine(prompt: trimmed(parts[0]), place: place)
    guard !line.prompt.isEmpty else {
      throw InputError(
        place, expected: "a prompt before the flags", found: "`\(text)`",
        hint: "as in `a red fox --w 832 --h 1216`")
    }
    var seen: Set<String> = []
    for part in parts.dropFirst() {
      let name = String(part.prefix { !$0.isWhitespace })
      guard seen.insert(name).inserted else {
        throw InputError("\(place): --\(name)", expected: "each flag once", found: "it twice")
      }
      try line.set(name, trimmed(String(part.dropFirst(name.count))))
    }
    return line
  }

  fileprivate static func unknown(_ name: String, _ place: String) -> InputError {
    InputError(
      "\(place): --\(name)", expected: "one of \(flags)", found: "`--\(name)`",
      hint: "write a dash that is text without a space before it")
  }

  private static func trimmed(_ text: String) -> String {
    text.trimmingCharacters(in: .whitespaces)
  }
}

extension PromptLine {
  fileprivate init(prompt: String, place: String) {
    self.prompt = prompt
    self.place = place
  }

  fileprivate mutating func set(_ name: String, _ text: String) throws {
    func value<Value: LosslessStringConvertible>(
      _ expected: String, _ isValid: (Value) -> Bool
    ) throws -> Value {
      guard let value = Value(text), isValid(value) else {
        throw InputError(
          "\(place): --\(name)", expected: expected, found: text.isEmpty ? "nothing" : "`\(text)`")
      }
      return value
    }
    let side = "a multiple of 8 from 8 to 8192 pixels"
    func isSide(_ value: Int) -> Bool { (8...8192).contains(value) && value.isMultiple(of: 8) }
    switch name {
    case "n": negative = text
    case "w": width = try value(side, isSide)
    case "h": height = try value(side, isSide)
    case "s": steps = try value("1 to 1000 steps") { (1...1000).contains($0) }
    case "l": guidance = try value("a guidance scale, 0 to 1000") { (0...1000).contains($0) }
    case "d": seed = try value("a seed, 0 to 4294967295") { _ in true }
    default: throw PromptFile.unknown(name, place)
    }
  }
}
