/// A mistake in what the user gave: a file, a key, a shape, a line of YAML.
///
/// Printed as `place: expected X, found Y (hint)`, on one or two lines.
public struct InputError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Where: a file, `file:line`, a tensor name or a command line option.
  public var place: String
  /// What is accepted there.
  public var expected: String
  /// What was there instead.
  public var found: String
  /// What to do about it; empty when there is nothing useful to say.
  public var hint: String

  public init(_ place: String, expected: String, found: String, hint: String = "") {
    self.place = place
    self.expected = expected
    self.found = found
    self.hint = hint
  }

  public var description: String {
    "\(place): expected \(expected), found \(found)" + (hint.isEmpty ? "" : "\nhint: \(hint)")
  }
}
