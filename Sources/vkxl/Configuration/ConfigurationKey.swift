/// One key of the configuration, declared as data.
///
/// Parsing, validation, `--set`, suggestions, the resume check, the written-back file and the
/// reference page all come from these rows. `Root` is `Configuration` or, for the keys of a list's
/// items, `SampleSettings`.
struct ConfigurationKey<Root>: Sendable {
  /// Whether a change of the key between a run and its resumption changes results.
  enum ResumeRole: Sendable {
    /// It must be the same.
    case result
    /// It must be the same unless the learning rate is constant: it sets the schedule's length.
    case scheduleLength
    /// It may change: a path whose content is checked elsewhere, or something results do not see.
    case free
  }

  /// `section.name`; for an item's key, the name alone.
  let path: String
  let kind: ValueKind
  /// Of the value, as in `pixels`; empty when it has none.
  let unit: String
  /// Nil: the key is required.
  let defaultValue: ConfigurationValue?
  /// What the default means when it is not a plain value, as in `half of data.resolution`.
  let defaultText: String?
  let resume: ResumeRole
  /// Names of the same setting in other trainers, offered as suggestions.
  let knownAs: [String]
  let summary: String
  let write: @Sendable (inout Root, ConfigurationValue) -> Void
  let read: @Sendable (Root) -> ConfigurationValue

  /// The part before the first dot; empty for an item's key.
  var section: String {
    path.contains(".") ? String(path.prefix { $0 != "." }) : ""
  }

  /// The part after the section.
  var name: String {
    section.isEmpty ? path : String(path.dropFirst(section.count + 1))
  }

  /// - Parameter required: The key must be given; `default` is not used.
  init<Value: ConfigurationConvertible>(
    _ path: String, _ field: WritableKeyPath<Root, Value> & Sendable, _ kind: ValueKind,
    unit: String = "", required: Bool = false, default defaultValue: Value,
    defaultText: String? = nil, resume: ResumeRole = .result, knownAs: [String] = [],
    _ summary: String
  ) {
    self.path = path
    self.kind = kind
    self.unit = unit
    self.defaultValue = required ? nil : defaultValue.configurationValue
    self.defaultText = defaultText
    self.resume = resume
    self.knownAs = knownAs
    self.summary = summary
    write = { root, value in
      guard let converted = Value(value) else {
        preconditionFailure("\(path) is declared with a kind that does not fit its field: \(value)")
      }
      root[keyPath: field] = converted
    }
    read = { $0[keyPath: field].configurationValue }
  }

  /// A key that must be given.
  static func required<Value: ConfigurationConvertible>(
    _ path: String, _ field: WritableKeyPath<Root, Value> & Sendable, _ kind: ValueKind,
    resume: ResumeRole = .result, knownAs: [String] = [], placeholder: Value, _ summary: String
  ) -> Self {
    Self(
      path, field, kind, required: true, default: placeholder, resume: resume, knownAs: knownAs,
      summary)
  }

  /// One of an enumeration's cases.
  static func choice<Value: ConfigurationConvertible & CaseIterable & RawRepresentable>(
    _ path: String, _ field: WritableKeyPath<Root, Value> & Sendable, default defaultValue: Value,
    required: Bool = false, knownAs: [String] = [], _ summary: String
  ) -> Self where Value.RawValue == String {
    Self(
      path, field, .choice(Value.allCases.map(\.rawValue)), required: required,
      default: defaultValue, knownAs: knownAs, summary)
  }
}
