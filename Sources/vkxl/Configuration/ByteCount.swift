import Foundation

/// An amount of memory as people write it: `22GiB`, `22.5 GiB`, `900MiB`, `24GB`.
struct ByteCount: Sendable, Equatable {
  var bytes: Int

  init(_ bytes: Int) { self.bytes = bytes }

  private static let units: [(name: String, bytes: Double)] = [
    ("TiB", 0x1p40), ("GiB", 0x1p30), ("MiB", 0x1p20), ("KiB", 0x1p10), ("TB", 1e12),
    ("GB", 1e9), ("MB", 1e6), ("KB", 1e3),
  ]

  /// Nil without a unit, or unless the amount is above 0 and fits.
  init?(_ text: String) {
    let text = text.trimmingCharacters(in: .whitespaces)
    guard
      let unit = Self.units.first(where: { text.lowercased().hasSuffix($0.name.lowercased()) }),
      let number = Scalar(
        text: text.dropLast(unit.name.count).trimmingCharacters(in: .whitespaces)
      ).number,
      number > 0, number * unit.bytes < 0x1p60
    else { return nil }
    bytes = Int((number * unit.bytes).rounded())
  }

  /// In the largest binary unit that divides it, at least mebibytes where it is that large.
  var text: String {
    for (name, size) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
    where bytes.isMultiple(of: size) {
      return "\(bytes / size)\(name)"
    }
    return "\(Double(bytes) / 1024)KiB"
  }
}

/// `memory.budget`
enum MemoryBudget: Sendable, Equatable {
  /// What the device has to spare.
  case auto
  case bytes(ByteCount)

  /// Share of a device's free memory that `auto` takes: drivers and the desktop need some.
  static let automaticShare = 0.92

  /// - Parameter available: bytes that the device has to spare
  func byteCount(available: Int) -> Int {
    switch self {
    case .auto: Int(Double(available) * Self.automaticShare)
    case .bytes(let count): count.bytes
    }
  }
}

extension MemoryBudget: ConfigurationConvertible {
  init?(_ value: ConfigurationValue) {
    guard case .text(let text) = value else { return nil }
    if text == "auto" {
      self = .auto
    } else if let count = ByteCount(text) {
      self = .bytes(count)
    } else {
      return nil
    }
  }

  var configurationValue: ConfigurationValue {
    switch self {
    case .auto: .text("auto")
    case .bytes(let count): .text(count.text)
    }
  }
}
