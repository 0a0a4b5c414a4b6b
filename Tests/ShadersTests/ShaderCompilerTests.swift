import Foundation
import Testing
import VKRuntime

@testable import Shaders

@Suite struct ShaderCompilerTests {
  private let head = "#version 460\nlayout(local_size_x = 1) in;\n"

  /// A shader that writes the macro `macro`.
  private func writing(_ macro: String) -> String {
    "layout(binding = 0) buffer B { int value; } b;\nvoid main() { b.value = \(macro); }\n"
  }

  private func compiler(_ sources: [String: String], cache: CacheFolder? = nil) -> ShaderCompiler {
    ShaderCompiler(sources: sources, cacheFolder: cache)
  }

  @Test func compilesToSPIRV16() throws {
    let words = try compiler(["a.comp": head + "void main() {}\n"]).compile("a.comp")
    #expect(words.first == 0x0723_0203)
    #expect(words.dropFirst().first == 0x0001_0600)
  }

  @Test func findsIncludesBesideTheFileThenFromTheRoot() throws {
    let sources = [
      "norm/a.comp": head + "#include \"sizes.h\"\n#include \"common/more.glsl\"\n"
        + "void main() { int x = NEAR + MORE + DEEP; }\n",
      "norm/sizes.h": "#define NEAR 1\n",
      "sizes.h": "#error the root's file is not meant\n",
      "common/more.glsl": "#include \"../parameters/deep.h\"\n#define MORE 2\n",
      "parameters/deep.h": "#define DEEP 3\n",
    ]
    let words = try compiler(sources).compile("norm/a.comp")
    #expect(words.count > 20)
  }

  @Test func passesDefinitions() throws {
    let text = head + "#if WIDTH != 64 || !defined(VULKAN)\n#error no\n#endif\nvoid main() {}\n"
    _ = try compiler(["a.comp": text]).compile("a.comp", defines: ["WIDTH": "64"])
    #expect(throws: ShaderCompileError.self) {
      try compiler(["a.comp": text]).compile("a.comp", defines: ["WIDTH": "65"])
    }
  }

  @Test func namesFileLineAndMessageOfAnError() throws {
    let sources = [
      "k/a.comp": head + "#include \"common/bad.glsl\"\nvoid main() { float x = missing; }\n",
      "common/bad.glsl": "float twice(float x) {\n  return 2 * y;\n}\n",
    ]
    let error = try #require(throws: ShaderCompileError.self) {
      try compiler(sources).compile("k/a.comp", defines: ["W": "1"])
    }
    let first = try #require(error.diagnostics.first)
    #expect(first.file == "common/bad.glsl")
    #expect(first.line == 2)
    #expect(first.message.contains("'y' : undeclared identifier"))
    #expect(error.diagnostics.contains { $0.file == "k/a.comp" && $0.line == 4 })
    #expect(error.description.hasPrefix("k/a.comp with W=1 does not compile:\ncommon/bad.glsl:2: "))
  }

  @Test func namesAMissingIncludeAndAMissingShader() throws {
    let sources = ["a.comp": head + "#include \"nowhere.h\"\nvoid main() {}\n"]
    let include = try #require(throws: ShaderCompileError.self) {
      try compiler(sources).compile("a.comp")
    }
    #expect(include.diagnostics.first?.line == 3)
    #expect(include.description.contains("nowhere.h"))
    let shader = try #require(throws: ShaderCompileError.self) {
      try compiler(sources).compile("b.comp")
    }
    #expect(shader.description.contains("no such shader; there is: a.comp"))
  }

  @Test func keepsResultsUnderTheirContent() throws {
    let folder = CacheFolder(path: NSTemporaryDirectory() + "/vkxl-spirv-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(atPath: folder.path) }
    func sources(_ value: Int) -> [String: String] {
      [
        "a.comp": head + "#include \"b.h\"\n" + writing("VALUE"),
        "b.h": "#define VALUE \(value)\n",
      ]
    }
    func files() throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: folder.path + "/spirv").sorted()
    }
    let first = try compiler(sources(1), cache: folder).compile("a.comp")
    let one = try files()
    #expect(one.count == 1)
    #expect(try compiler(sources(1), cache: folder).compile("a.comp") == first)
    #expect(try files() == one)
    // A changed include is another result, and so is a changed definition.
    let second = try compiler(sources(2), cache: folder).compile("a.comp")
    #expect(second != first)
    _ = try compiler(sources(2), cache: folder).compile("a.comp", defines: ["X": "1"])
    #expect(try files().count == 3)
    // A damaged file is ignored and made again.
    let file = URL(fileURLWithPath: folder.path + "/spirv/" + (try #require(one.first)))
    var bytes = try Data(contentsOf: file)
    bytes[bytes.count - 1] ^= 1
    try bytes.write(to: file)
    #expect(try compiler(sources(1), cache: folder).compile("a.comp") == first)
  }

  @Test func compilesManyInParallelInOrder() throws {
    let text = head + writing("N")
    let variants = (0..<12).map { (path: "a.comp", defines: ["N": "\($0)"]) }
    let compiler = compiler(["a.comp": text])
    let many = try compiler.compile(variants)
    #expect(many == (try variants.map { try compiler.compile($0.path, defines: $0.defines) }))
    #expect(Set(many).count == 12)
  }

  @Test func everyEmbeddedShaderIsReachable() {
    #expect(embeddedShaders["parameters/common.h"] != nil)
    #expect(ShaderSources.normalized("a/./b/../c.h") == "a/c.h")
    #expect(ShaderSources.includes(in: " # include \"x.h\" // y\n//#include \"z\"\n") == ["x.h"])
  }
}
