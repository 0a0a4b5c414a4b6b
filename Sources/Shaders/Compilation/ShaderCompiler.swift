import CShaderc
import Dispatch
import Synchronization
import VKRuntime

/// Compiles GLSL compute shaders to SPIR-V 1.6 for Vulkan 1.3 (through shaderc).
///
/// `#include "..."` finds the embedded texts: beside the including file first, then from the root
/// of `shaders/`. The macro `VULKAN` is always defined (by GLSL itself). Nothing is optimised before the driver
/// does: shaderc's optimiser took three quarters of the time to compile, made next to no kernel faster, and is
/// known to miscompile cooperative matrices. Results are kept in the cache folder under a hash of everything that
/// goes in. May be used from any thread.
public struct ShaderCompiler: Sendable {
  /// Goes into the name of cached results; to be raised when the same input compiles differently.
  private static let cacheGeneration = 2

  private let sources: ShaderSources
  private let matrixExtension: MatrixExtension?
  private let commonDefines: [String: String]
  private let cacheFolder: CacheFolder?

  /// - Parameters:
  ///   - sources: texts by path; nil takes the ones embedded in the binary.
  ///   - matrixExtension: which form shaders with matrices are to have (`MATRIX_TYPE` in their
  ///     definitions)
  ///   - commonDefines: macros of every shader, where its own do not say otherwise.
  ///   - cacheFolder: where results are kept; nil keeps none.
  public init(
    sources: [String: String]? = nil, matrixExtension: MatrixExtension? = nil,
    commonDefines: [String: String] = [:], cacheFolder: CacheFolder? = .standard
  ) {
    self.sources = ShaderSources(texts: sources ?? embeddedShaders)
    self.matrixExtension = matrixExtension
    self.commonDefines = commonDefines
    self.cacheFolder = cacheFolder
  }

  /// The shaders there are: paths that end in `.comp`, sorted.
  public var shaderPaths: [String] { sources.texts.keys.filter { $0.hasSuffix(".comp") }.sorted() }

  /// SPIR-V words of the shader at `path` (below `shaders/`), compiled with macro definitions.
  ///
  /// - Throws: `ShaderCompileError` with file, line and message.
  public func compile(_ path: String, defines: [String: String] = [:]) throws -> [UInt32] {
    guard let text = sources.texts[path] else {
      let known = shaderPaths.joined(separator: ", ")
      throw ShaderCompileError(
        shader: path, defines: defines, log: "no such shader; there is: \(known)")
    }
    return try compile(source: text, named: path, defines: defines)
  }

  /// SPIR-V words of many shaders, compiled in parallel, in the order given.
  ///
  /// - Throws: the first `ShaderCompileError` in that order.
  public func compile(_ shaders: [(path: String, defines: [String: String])]) throws -> [[UInt32]] {
    let results = Mutex<[Int: Result<[UInt32], any Error>]>([:])
    DispatchQueue.concurrentPerform(iterations: shaders.count) { index in
      let result = Result { try compile(shaders[index].path, defines: shaders[index].defines) }
      results.withLock { $0[index] = result }
    }
    let made = results.withLock { $0 }
    return try shaders.indices.compactMap { try made[$0]?.get() }
  }

  /// SPIR-V words of a text, whose includes are resolved as if it lay at the path `named`.
  ///
  /// - Throws: `ShaderCompileError` with file, line and message.
  public func compile(
    source: String, named path: String, defines: [String: String] = [:]
  ) throws -> [UInt32] {
    let form = MatrixForm(defines: defines, offered: matrixExtension)
    let defines = defines.merging(form.defines) { given, _ in given }
      .merging(commonDefines) { given, _ in given }
    let cacheName = cacheName(source, path, defines, form)
    if let stored = cacheFolder?.read(cacheName), let words = Self.words(stored) { return words }
    var words = try SPIRVCompilation(sources: sources)
      .run(source: source, path: path, defines: defines)
    if case .rewritten(let isBrain) = form {
      words = try CooperativeMatrixRewriting.rewritten(words, isBrain: isBrain)
    }
    cacheFolder?.write(words.withUnsafeBytes { Array($0) }, as: cacheName)
    return words
  }

  private func cacheName(
    _ source: String, _ path: String, _ defines: [String: String], _ form: MatrixForm
  ) -> String {
    var version: UInt32 = 0
    var revision: UInt32 = 0
    shaderc_get_spv_version(&version, &revision)
    var hash = ContentHash()
    hash.append("\(Self.cacheGeneration) \(version) \(revision) \(form)")
    hash.append(source)
    for included in sources.closure(of: path, text: source).dropFirst() {
      hash.append(included)
      hash.append(sources.texts[included] ?? "")
    }
    for (name, value) in defines.sorted(by: { $0.key < $1.key }) {
      hash.append(name)
      hash.append(value)
    }
    return "spirv/\(hash).spv"
  }

  /// Stored bytes as words; nil unless they begin as SPIR-V does.
  private static func words(_ bytes: [UInt8]) -> [UInt32]? {
    guard bytes.count >= 20, bytes.count % 4 == 0 else { return nil }
    let words = bytes.withUnsafeBytes { raw in
      stride(from: 0, to: raw.count, by: 4).map {
        raw.loadUnaligned(fromByteOffset: $0, as: UInt32.self)
      }
    }
    return words.first == 0x0723_0203 ? words : nil
  }
}
