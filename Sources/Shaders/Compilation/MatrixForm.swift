import VKRuntime

/// In which form a shader with matrix units (see `shaders/common/matrix.glsl`) is compiled.
enum MatrixForm: Equatable {
  /// It uses none, or emulates them.
  case none
  /// GL_NV_cooperative_matrix, for drivers that take it as it is.
  case nv
  /// GL_KHR_cooperative_matrix, from a glslang that knows it.
  case khr
  /// The NV form, rewritten to KHR after compilation.
  case rewritten(isBrain: Bool)

  /// - Parameters:
  ///   - defines: of the shader; MATRIX_TYPE is 1 for f16 operands, 2 for bf16
  ///   - offered: what the device takes; without it the NV form, which needs no newer compiler
  init(defines: [String: String], offered: MatrixExtension?) {
    guard let type = defines["MATRIX_TYPE"], defines["MATRIX_EMULATED"] == nil else {
      self = .none
      return
    }
    let isBrain = type == "2"
    switch offered {
    case .khr where Self.isKHRKnown && (!isBrain || Self.isBrainKnown): self = .khr
    case .khr: self = .rewritten(isBrain: isBrain)
    case .nv, nil: self = .nv
    }
  }

  /// Macros that the shader is compiled with besides its own.
  var defines: [String: String] { self == .khr ? ["MATRIX_KHR": "1"] : [:] }

  private static let isKHRKnown = isKnown("GL_KHR_cooperative_matrix")
  private static let isBrainKnown = isKnown("GL_EXT_bfloat16")

  /// Whether the linked compiler knows a GLSL extension.
  private static func isKnown(_ name: String) -> Bool {
    let source = """
      #version 460
      #extension \(name) : require
      layout(local_size_x = 1) in;
      void main() {}

      """
    let compilation = SPIRVCompilation(sources: ShaderSources(texts: [:]))
    return (try? compilation.run(source: source, path: "probe.comp", defines: [:])) != nil
  }
}
