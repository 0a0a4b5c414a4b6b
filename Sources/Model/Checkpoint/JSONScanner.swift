/// A strict, order-keeping scanner for the part of JSON that headers use: objects, strings and
/// arrays of non-negative integers.
///
/// - Source: RFC 8259
struct JSONScanner {
  /// What was wrong, and at which byte.
  struct Failure: Error {
    var expected: String
    var found: String
    var position: Int
  }

  let bytes: UnsafeRawBufferPointer
  private(set) var position = 0

  init(bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
  }

  /// Calls `member` at the value of each key; `member` must consume that value.
  mutating func object(_ member: (inout JSONScanner, String) throws -> Void) throws {
    try expect("{")
    if consume("}") { return }
    repeat {
      let key = try string()
      try expect(":")
      try member(&self, key)
    } while consume(",")
    try expect("}")
  }

  /// An array of integers from 0 to `Int.max`.
  mutating func integers() throws -> [Int] {
    try expect("[")
    var values: [Int] = []
    if consume("]") { return values }
    repeat { values.append(try integer()) } while consume(",")
    try expect("]")
    return values
  }

  /// A string with its escapes decoded.
  mutating func string() throws -> String {
    try expect("\"")
    let start = position
    // Nearly every string here is free of escapes: one slice, decoded at once.
    while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
      if bytes[position] == UInt8(ascii: "\\") { return try escapedString(from: start) }
      guard bytes[position] >= 0x20 else { throw failure("a string without control characters") }
      position += 1
    }
    guard position < bytes.count else { throw failure("the end of a string") }
    let text = try decode(Array(bytes[start..<position]), at: start)
    position += 1
    return text
  }

  /// Nothing but white space may follow.
  mutating func end() throws {
    skipSpace()
    guard position == bytes.count else { throw failure("the end of the header") }
  }

  private mutating func integer() throws -> Int {
    skipSpace()
    let start = position
    var value = 0
    while position < bytes.count, case let digit = Int(bytes[position]) - 48, 0...9 ~= digit {
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(digit)
      guard !overflow, !carry else { throw failure("an integer below 2^63") }
      value = sum
      position += 1
    }
    guard position > start else { throw failure("a non-negative integer") }
    guard position - start == 1 || bytes[start] != UInt8(ascii: "0") else {
      throw failure("an integer without leading zeros")
    }
    return value
  }

  private mutating func escapedString(from start: Int) throws -> String {
    var units = Array(bytes[start..<position])
    while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
      guard bytes[position] >= 0x20 else { throw failure("a string without control characters") }
      if bytes[position] == UInt8(ascii: "\\") {
        position += 1
        units.append(contentsOf: String(try escape()).utf8)
      } else {
        units.append(bytes[position])
        position += 1
      }
    }
    guard position < bytes.count else { throw failure("the end of a string") }
    position += 1
    return try decode(units, at: start)
  }

  private mutating func escape() throws -> Character {
    guard position < bytes.count else { throw failure("an escape") }
    let kind = bytes[position]
    position += 1
    switch kind {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): return Character(try unicodeEscape())
    default:
      position -= 1
      throw failure("a known escape")
    }
  }

  private mutating func unicodeEscape() throws -> Unicode.Scalar {
    var value = try fourHexDigits()
    if 0xD800..<0xDC00 ~= value {
      guard position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
        bytes[position + 1] == UInt8(ascii: "u")
      else { throw failure("the second half of a surrogate pair") }
      position += 2
      let low = try fourHexDigits()
      guard 0xDC00..<0xE000 ~= low else { throw failure("the second half of a surrogate pair") }
      value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
    }
    guard let scalar = Unicode.Scalar(value) else { throw failure("a Unicode scalar") }
    return scalar
  }

  private mutating func fourHexDigits() throws -> UInt32 {
    guard position + 4 <= bytes.count else { throw failure("four hexadecimal digits") }
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue else {
        throw failure("four hexadecimal digits")
      }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }

  private func decode(_ units: [UInt8], at start: Int) throws -> String {
    guard let text = String(validating: units, as: UTF8.self) else {
      throw Failure(expected: "UTF-8", found: "other bytes", position: start)
    }
    return text
  }

  private mutating func skipSpace() {
    while position < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[position]) {
      position += 1
    }
  }

  private mutating func consume(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws {
    guard consume(character) else { throw failure("`\(character)`") }
  }

  private func failure(_ expected: String) -> Failure {
    let found: String
    if position < bytes.count {
      let byte = bytes[position]
      found =
        0x21..<0x7F ~= byte
        ? "`\(Character(Unicode.Scalar(byte)))`" : "byte 0x" + String(byte, radix: 16)
    } else {
      found = "the end of the header"
    }
    return Failure(expected: expected, found: found, position: position)
  }
}
