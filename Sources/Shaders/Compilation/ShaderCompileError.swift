/// GLSL that does not compile, with each message's place.
public struct ShaderCompileError: Error, Equatable, Sendable, CustomStringConvertible {
  /// One message of the compiler.
  public struct Diagnostic: Equatable, Sendable, CustomStringConvertible {
    /// The file below `shaders/`, or the included one.
    public var file: String
    /// Counted from 1; nil when the message concerns the whole file.
    public var line: Int?
    /// The compiler's words.
    public var message: String

    public var description: String {
      line.map { "\(file):\($0): \(message)" } ?? "\(file): \(message)"
    }
  }

  /// The shader that was compiled.
  public var shader: String
  /// Macro definitions it was compiled with.
  public var defines: [String: String]
  /// At least one.
  public var diagnostics: [Diagnostic]

  public var description: String {
    let macros = defines.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    let variant = macros.isEmpty ? shader : "\(shader) with \(macros.joined(separator: ", "))"
    return (["\(variant) does not compile:"] + diagnostics.map(\.description))
      .joined(separator: "\n")
  }
}

extension ShaderCompileError {
  /// Reads shaderc's messages: `file:line: error: text` or `file: error: text` a line.
  init(shader: String, defines: [String: String], log: String) {
    self.shader = shader
    self.defines = defines
    diagnostics = log.split(whereSeparator: \.isNewline).compactMap(Self.diagnostic)
    if diagnostics.isEmpty {
      diagnostics = [Diagnostic(file: shader, line: nil, message: log)]
    }
  }

  private static func diagnostic(_ line: Substring) -> Diagnostic? {
    for mark in [": error: ", ": warning: "] {
      guard let place = line.firstRange(of: mark) else { continue }
      let message = String(line[place.upperBound...])
      let before = line[..<place.lowerBound]
      if let colon = before.lastIndex(of: ":"),
        let number = Int(before[before.index(after: colon)...])
      {
        return Diagnostic(file: String(before[..<colon]), line: number, message: message)
      }
      return Diagnostic(file: String(before), line: nil, message: message)
    }
    return nil
  }
}
