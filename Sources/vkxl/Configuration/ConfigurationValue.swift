import Data
import Model
import Train

/// A value as YAML can hold it, already checked against its key's type.
enum ConfigurationValue: Sendable, Equatable {
  case none
  case boolean(Bool)
  case integer(Int)
  case number(Double)
  case text(String)
  case list([ConfigurationValue])
  case mapping([Entry])

  /// One key of a mapping, in order.
  struct Entry: Sendable, Equatable {
    var key: String
    var value: ConfigurationValue
  }
}

/// A field's type that can be read from a checked value and written back.
///
/// `init?` returns nil only if the key's declared kind does not fit the field: a programmer's
/// mistake, which the tests look for over the whole table.
protocol ConfigurationConvertible: Sendable {
  init?(_ value: ConfigurationValue)
  var configurationValue: ConfigurationValue { get }
}

extension Bool: ConfigurationConvertible {
  init?(_ value: ConfigurationValue) {
    guard case .boolean(let flag) = value else { return nil }
    self = flag
  }
  var configurationValue: ConfigurationValue { .boolean(self) }
}

extension Int: ConfigurationConvertible {
  init?(_ value: ConfigurationValue) {
    guard case .integer(let number) = value else { return nil }
    self = number
  }
  var configurationValue: ConfigurationValue { .integer(self) }
}

extension Double: ConfigurationConvertible {
  init?(_ value: ConfigurationValue) {
    guard case .number(let number) = value else { return nil }
    self = number
  }
  var configurationValue: ConfigurationValue { .number(self) }
}

extension String: ConfigurationConvertible {
  init?(_ value: ConfigurationValue) {
    guard case .text(let text) = value else { return nil }
    self = text
  }
  var configurationValue: ConfigurationValue { .text(self) }
}

extension Optional: ConfigurationConvertible where Wrapped: ConfigurationConvertible {
  init?(_ value: ConfigurationValue) {
    guard value != .none else {
      self = nil
      return
    }
    guard let wrapped = Wrapped(value) else { return nil }
    self = .some(wrapped)
  }
  var configurationValue: ConfigurationValue { self?.configurationValue ?? .none }
}

extension ConfigurationConvertible where Self: RawRepresentable, RawValue == String {
  init?(_ value: ConfigurationValue) {
    guard case .text(let text) = value else { return nil }
    self.init(rawValue: text)
  }
  var configurationValue: ConfigurationValue { .text(rawValue) }
}

extension Precision: ConfigurationConvertible {}
extension SavedDType: ConfigurationConvertible {}
extension CropPolicy: ConfigurationConvertible {}
extension MissingCaption: ConfigurationConvertible {}
extension PredictionType: ConfigurationConvertible {}
extension TimestepSampling: ConfigurationConvertible {}
extension SamplingMethod: ConfigurationConvertible {}
extension LossType: ConfigurationConvertible {}
extension ObjectiveOrigin: ConfigurationConvertible {}
extension LossWeightRule: ConfigurationConvertible {}
extension MinSNRForm: ConfigurationConvertible {}
extension SigmaMaxScaling: ConfigurationConvertible {}
extension NoisePairing: ConfigurationConvertible {}
extension OptimizerType: ConfigurationConvertible {}
extension GradientChoice: ConfigurationConvertible {}
extension StateDType: ConfigurationConvertible {}
extension LearningRateSchedule.Shape: ConfigurationConvertible {}

extension Betas: ConfigurationConvertible {
  init?(_ value: ConfigurationValue) {
    guard case .list(let items) = value, items.count == 2,
      case (.number(let first), .number(let second)) = (items[0], items[1])
    else { return nil }
    self.init(first: first, second: second)
  }
  var configurationValue: ConfigurationValue { .list([.number(first), .number(second)]) }
}

extension TextEncoderSource: ConfigurationConvertible {
  private static let formulaPrefix = "synthetic:"
  /// Words that are not paths.
  static let words =
    ["same"] + ["tiny", "odd", "full"].map { formulaPrefix + $0 }

  init?(_ value: ConfigurationValue) {
    guard case .text(let text) = value else { return nil }
    if text == "same" {
      self = .checkpoint
    } else if text.hasPrefix(Self.formulaPrefix) {
      self = .synthetic(size: String(text.dropFirst(Self.formulaPrefix.count)))
    } else {
      self = .file(text)
    }
  }

  var configurationValue: ConfigurationValue {
    switch self {
    case .checkpoint: .text("same")
    case .file(let path): .text(path)
    case .synthetic(let size): .text(Self.formulaPrefix + size)
    }
  }
}

extension FlowShift: ConfigurationConvertible {
  init?(_ value: ConfigurationValue) {
    switch value {
    case .number(let shift): self = .fixed(shift)
    case .text("resolution"): self = .resolution
    default: return nil
    }
  }

  var configurationValue: ConfigurationValue {
    switch self {
    case .fixed(let shift): .number(shift)
    case .resolution: .text("resolution")
    }
  }
}

extension [SampleSettings]: ConfigurationConvertible {
  init?(_ value: ConfigurationValue) {
    guard case .list(let items) = value else { return nil }
    var samples: [SampleSettings] = []
    for case .mapping(let entries) in items {
      var sample = SampleSettings()
      for key in ConfigurationKey<SampleSettings>.sampleKeys {
        let given = entries.first { $0.key == key.name }?.value
        guard let value = given ?? key.defaultValue else { return nil }
        key.write(&sample, value)
      }
      samples.append(sample)
    }
    self = samples
  }

  var configurationValue: ConfigurationValue {
    .list(
      map { sample in
        .mapping(
          ConfigurationKey<SampleSettings>.sampleKeys.map {
            ConfigurationValue.Entry(key: $0.name, value: $0.read(sample))
          })
      })
  }
}
