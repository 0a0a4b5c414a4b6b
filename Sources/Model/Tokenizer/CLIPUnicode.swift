/// What CLIP's reference tokenizer knows of Unicode: classes, lower case, canonical composition.
///
/// Read from an embedded table and not asked of Swift's library, whose Unicode version is another
/// and changes: one newly assigned letter would change the tokens of a caption.
///
/// - Source: `Tables/clip_unicode.txt`; its format is described in `scripts/make_clip_unicode.py`
struct CLIPUnicode: Sendable {
  /// What the pattern that splits text distinguishes.
  enum Class: UInt8 {
    case other, letter, number, space
  }

  /// Raw class by scalar, up to the last scalar that has one.
  private var classes: [UInt8] = []
  /// Canonical combining classes that are not 0.
  private var combiningClasses: [UInt32: UInt8] = [:]
  private var lowerCase: [UInt32: [UInt32]] = [:]
  /// One step of decomposition: two scalars that compose again, or any number that do not.
  private var decompositions: [UInt32: [UInt32]] = [:]
  /// By first scalar and second, see `pairKey`.
  private var compositions: [UInt64: UInt32] = [:]

  static let shared = CLIPUnicode(table: embeddedTables["clip_unicode.txt"] ?? "")

  init(table: String) {
    for line in table.utf8.split(separator: UInt8(ascii: "\n")) {
      let fields = line.split(separator: UInt8(ascii: " "))
      guard let kind = fields.first.map({ String(Substring($0)) }) else { continue }
      for field in fields.dropFirst() { add(field, kind) }
    }
  }

  func characterClass(of scalar: UInt32) -> Class {
    guard scalar < classes.count else { return .other }
    return Class(rawValue: classes[Int(scalar)]) ?? .other
  }

  /// Canonical composition (NFC).
  ///
  /// - Source: The Unicode Standard, 3.11 (D117) and 3.12 (Hangul)
  func composed(_ text: [UInt32]) -> [UInt32] {
    // Below U+0300 nothing decomposes and composes to something else, and nothing combines.
    guard text.contains(where: { $0 >= 0x300 }) else { return text }
    var scalars: [UInt32] = []
    scalars.reserveCapacity(text.count)
    for scalar in text { appendDecomposition(of: scalar, to: &scalars) }
    reorder(&scalars)
    compose(&scalars)
    return scalars
  }

  /// Lower case scalar by scalar, without regard to neighbours (a final sigma stays a sigma).
  func appendLowerCase(of scalar: UInt32, to text: inout [UInt32]) {
    if scalar < 0x80 {
      text.append(0x41...0x5A ~= scalar ? scalar + 0x20 : scalar)
    } else if let lower = lowerCase[scalar] {
      text.append(contentsOf: lower)
    } else {
      text.append(scalar)
    }
  }

  // MARK: Canonical composition

  private enum Hangul {
    static let syllables: Range<UInt32> = 0xAC00..<0xAC00 + 11172
    static let leading: UInt32 = 0x1100
    static let vowel: UInt32 = 0x1161
    /// One before the first trailing consonant.
    static let trailing: UInt32 = 0x11A7
    static let leadingCount: UInt32 = 19
    static let vowelCount: UInt32 = 21
    static let trailingCount: UInt32 = 28
  }

  private func appendDecomposition(of scalar: UInt32, to scalars: inout [UInt32]) {
    if Hangul.syllables.contains(scalar) {
      let index = scalar - Hangul.syllables.lowerBound
      let perLeading = Hangul.vowelCount * Hangul.trailingCount
      scalars.append(Hangul.leading + index / perLeading)
      scalars.append(Hangul.vowel + index % perLeading / Hangul.trailingCount)
      let trailing = index % Hangul.trailingCount
      if trailing > 0 { scalars.append(Hangul.trailing + trailing) }
    } else if let parts = decompositions[scalar] {
      for part in parts { appendDecomposition(of: part, to: &scalars) }
    } else {
      scalars.append(scalar)
    }
  }

  /// Sorts each run of combining marks by class, keeping the order within a class.
  private func reorder(_ scalars: inout [UInt32]) {
    var start = 0
    while start < scalars.count {
      guard combiningClass(of: scalars[start]) > 0 else {
        start += 1
        continue
      }
      let end = scalars[start...].firstIndex { combiningClass(of: $0) == 0 } ?? scalars.count
      let sorted = scalars[start..<end].enumerated().sorted {
        (combiningClass(of: $0.element), $0.offset) < (combiningClass(of: $1.element), $1.offset)
      }
      scalars.replaceSubrange(start..<end, with: sorted.map(\.element))
      start = end
    }
  }

  /// Joins each scalar to the last starter when nothing between them blocks it.
  private func compose(_ scalars: inout [UInt32]) {
    var starter: Int?
    var lastClass: UInt8 = 0
    var end = 0
    for scalar in scalars {
      let scalarClass = combiningClass(of: scalar)
      if let starter, starter + 1 == end || (lastClass < scalarClass && lastClass > 0),
        let composite = composite(scalars[starter], scalar)
      {
        scalars[starter] = composite
        continue
      }
      if scalarClass == 0 { starter = end }
      lastClass = scalarClass
      scalars[end] = scalar
      end += 1
    }
    scalars.removeSubrange(end...)
  }

  private func composite(_ first: UInt32, _ second: UInt32) -> UInt32? {
    let leading = first &- Hangul.leading
    let vowel = second &- Hangul.vowel
    if leading < Hangul.leadingCount, vowel < Hangul.vowelCount {
      return Hangul.syllables.lowerBound
        + (leading * Hangul.vowelCount + vowel) * Hangul.trailingCount
    }
    let syllable = first &- Hangul.syllables.lowerBound
    let trailing = second &- Hangul.trailing
    if Hangul.syllables.contains(first), syllable.isMultiple(of: Hangul.trailingCount),
      1..<Hangul.trailingCount ~= trailing
    {
      return first + trailing
    }
    return compositions[Self.pairKey(first, second)]
  }

  private func combiningClass(of scalar: UInt32) -> UInt8 {
    scalar < 0x300 ? 0 : combiningClasses[scalar, default: 0]
  }

  private static func pairKey(_ first: UInt32, _ second: UInt32) -> UInt64 {
    UInt64(first) << 32 | UInt64(second)
  }

  // MARK: The table

  private mutating func add(_ field: Substring.UTF8View.SubSequence, _ kind: String) {
    // Numbers in the order they stand: `A-B/S>T.U` and `A=B.C` alike.
    let numbers = field.split { !Self.isHexadecimal($0) }
      .compactMap { UInt32(Substring($0), radix: 16) }
    guard let first = numbers.first else { return }
    let isRange = field.contains(UInt8(ascii: "-"))
    let last = isRange && numbers.count > 1 ? numbers[1] : first
    switch kind {
    case "letter": classify(first...last, .letter)
    case "number": classify(first...last, .number)
    case "space": classify(first...last, .space)
    case "lower":
      let step: UInt32 = field.contains(UInt8(ascii: "/")) ? 2 : 1
      let targets = Array(numbers.dropFirst(isRange ? Int(step) + 1 : 1))
      for scalar in stride(from: first, through: last, by: Int(step)) {
        lowerCase[scalar] = targets.map { $0 + (scalar - first) }
      }
    case "pair" where numbers.count == 3:
      decompositions[first] = Array(numbers.dropFirst())
      compositions[Self.pairKey(numbers[1], numbers[2])] = first
    case "split":
      decompositions[first] = Array(numbers.dropFirst())
    default:
      guard kind.hasPrefix("class-"), let value = UInt8(kind.dropFirst(6)) else { return }
      for scalar in first...last { combiningClasses[scalar] = value }
    }
  }

  private mutating func classify(_ scalars: ClosedRange<UInt32>, _ value: Class) {
    let missing = Int(scalars.upperBound) + 1 - classes.count
    if missing > 0 { classes.append(contentsOf: repeatElement(0, count: missing)) }
    for scalar in scalars { classes[Int(scalar)] = value.rawValue }
  }

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || UInt8(ascii: "A")...UInt8(ascii: "F") ~= byte
  }
}
