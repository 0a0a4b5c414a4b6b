import CShaderc

/// One run of shaderc: options, include callbacks, result.
struct SPIRVCompilation {
  let sources: ShaderSources

  // shaderc compiles on several threads with one compiler; making one is slow and never fails
  // but for memory. It lives as long as the process.
  nonisolated(unsafe) private static let compiler = shaderc_compiler_initialize()

  func run(source: String, path: String, defines: [String: String]) throws -> [UInt32] {
    func failure(_ log: String) -> ShaderCompileError {
      ShaderCompileError(shader: path, defines: defines, log: log)
    }
    guard let compiler = Self.compiler, let options = shaderc_compile_options_initialize() else {
      throw failure("shaderc could not start: out of memory")
    }
    defer { shaderc_compile_options_release(options) }
    configure(options, defines)
    let context = IncludeContext(sources: sources)
    setIncludes(options, context)
    let result = withExtendedLifetime(context) {
      shaderc_compile_into_spv(
        compiler, source, source.utf8.count, shaderc_compute_shader, path, "main", options)
    }
    guard let result else { throw failure("shaderc gave no result: out of memory") }
    defer { shaderc_result_release(result) }
    guard shaderc_result_get_compilation_status(result) == shaderc_compilation_status_success else {
      throw failure(shaderc_result_get_error_message(result).map { String(cString: $0) } ?? "")
    }
    guard let bytes = shaderc_result_get_bytes(result) else { throw failure("no SPIR-V") }
    let raw = UnsafeRawBufferPointer(start: bytes, count: shaderc_result_get_length(result))
    return stride(from: 0, to: raw.count, by: 4).map {
      raw.loadUnaligned(fromByteOffset: $0, as: UInt32.self)
    }
  }

  private func configure(_ options: shaderc_compile_options_t, _ defines: [String: String]) {
    shaderc_compile_options_set_source_language(options, shaderc_source_language_glsl)
    shaderc_compile_options_set_target_env(
      options, shaderc_target_env_vulkan, UInt32(shaderc_env_version_vulkan_1_3.rawValue))
    shaderc_compile_options_set_target_spirv(options, shaderc_spirv_version_1_6)
    shaderc_compile_options_set_optimization_level(options, shaderc_optimization_level_zero)
    for (name, value) in defines {
      shaderc_compile_options_add_macro_definition(
        options, name, name.utf8.count, value, value.utf8.count)
    }
  }

  private func setIncludes(_ options: shaderc_compile_options_t, _ context: IncludeContext) {
    shaderc_compile_options_set_include_callbacks(
      options,
      { user, requested, _, including, _ in
        guard let user, let requested, let including else { return nil }
        let context = Unmanaged<IncludeContext>.fromOpaque(user).takeUnretainedValue()
        return context.include(String(cString: requested), from: String(cString: including))
      },
      { _, result in IncludeContext.release(result) },
      Unmanaged.passUnretained(context).toOpaque())
  }
}

/// Answers shaderc's include requests with C copies of the embedded texts.
private final class IncludeContext {
  private let sources: ShaderSources

  init(sources: ShaderSources) { self.sources = sources }

  func include(
    _ requested: String, from including: String
  ) -> UnsafeMutablePointer<shaderc_include_result>? {
    let path = sources.resolve(requested, from: including)
    // An empty name tells shaderc that it failed, and the content is then the message.
    let name = path ?? ""
    let content = path.flatMap { sources.texts[$0] } ?? "no such file below shaders/"
    let result = UnsafeMutablePointer<shaderc_include_result>.allocate(capacity: 1)
    result.initialize(
      to: shaderc_include_result(
        source_name: Self.copy(name), source_name_length: name.utf8.count,
        content: Self.copy(content), content_length: content.utf8.count, user_data: nil))
    return result
  }

  static func release(_ result: UnsafeMutablePointer<shaderc_include_result>?) {
    guard let result else { return }
    result.pointee.source_name?.deallocate()
    result.pointee.content?.deallocate()
    result.deallocate()
  }

  private static func copy(_ text: String) -> UnsafePointer<CChar> {
    let characters = text.utf8CString
    let copy = UnsafeMutablePointer<CChar>.allocate(capacity: characters.count)
    for (index, character) in characters.enumerated() {
      (copy + index).initialize(to: character)
    }
    return UnsafePointer(copy)
  }
}
