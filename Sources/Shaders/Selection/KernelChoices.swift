import Synchronization

/// The choices in effect on a backend, by key.
///
/// A choice never changes once it has been used: plans count its scratch memory, and recorded programs
/// may be recorded again.
public final class KernelChoices: Sendable {
  private let table: Mutex<[String: KernelChoice]>
  private let fixed: KernelChoice?

  /// - Parameter table: choices measured or pinned before
  public init(_ table: [String: KernelChoice] = [:]) {
    self.table = Mutex(table)
    fixed = nil
  }

  /// One choice for everything that has it among its candidates, to check or measure it.
  public init(fixed: KernelChoice) {
    table = Mutex([:])
    self.fixed = fixed
  }

  /// The choice of a selection: what the table says if that is a candidate, else the best guess,
  /// which then stays.
  func choice(_ selection: KernelSelection) -> KernelChoice {
    table.withLock { table in
      if let known = table[selection.key], selection.candidates.contains(known) { return known }
      let choice = selection.candidates.first { $0 == fixed } ?? selection.candidates[0]
      // Shapes of a class may differ in what fits them: the choice of the others stays as it is.
      if table[selection.key] == nil { table[selection.key] = choice }
      return choice
    }
  }

  /// Whether a key's choice has been made.
  func contains(_ key: String) -> Bool { table.withLock { $0[key] != nil } }

  /// Makes choices for keys that have none yet.
  public func add(_ choices: [String: KernelChoice]) {
    table.withLock { $0.merge(choices) { old, _ in old } }
  }

  /// All choices made so far.
  public var all: [String: KernelChoice] { table.withLock { $0 } }
}

extension KernelChoices {
  /// A table as text: a line `key: choice` each, sorted.
  public static func text(_ table: [String: KernelChoice]) -> String {
    table.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)\n" }.joined()
  }

  /// The inverse of `text`; nil when a line is not of its form.
  public static func parse(_ text: String) -> [String: KernelChoice]? {
    var table: [String: KernelChoice] = [:]
    for line in text.split(whereSeparator: \.isNewline) {
      guard let colon = line.lastIndex(of: ":"),
        let choice = KernelChoice(String(line[colon...].dropFirst().drop { $0 == " " }))
      else { return nil }
      table[String(line[..<colon])] = choice
    }
    return table
  }
}
