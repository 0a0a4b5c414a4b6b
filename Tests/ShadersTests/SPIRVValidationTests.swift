import Foundation
import Graph
import Testing
import VKRuntime

@testable import Shaders

/// Every kernel of every case through spirv-val (package spirv-tools), as CPUs get them and as GPUs do;
/// matrix units in the form of GL_NV_cooperative_matrix, which older versions of the tool know.
@Suite struct SPIRVValidationTests {
  private static func traits(asOnAGPU: Bool) throws -> DeviceTraits {
    var traits = try SharedBackend.vulkan.traits
    traits.hasCheapBroadcast = true
    guard asOnAGPU else { return traits }
    traits.isCPU = false
    traits.subgroupSize = 32
    traits.sharedMemoryByteCount = 65536
    traits.maxGroupInvocations = 1024
    for operands in [MatrixElement.f16, .bf16] {
      let shape = MatrixShape(m: 16, n: 16, k: 16, operands: operands, sums: .f32)
      traits.blockTiles += BlockTile.matrixTiles(shape, subgroupSize: 32)
    }
    return traits
  }

  private static func shaders(_ traits: DeviceTraits) throws -> [ShaderVariant] {
    var found: [String: ShaderVariant] = [:]
    for check in OperationCase.kernelCases {
      for launch in try check.unboundLaunches(on: traits) {
        let macros = launch.shader.defines.sorted { $0.key < $1.key }
        found["\(launch.shader.path) \(macros)"] = launch.shader
      }
    }
    return found.sorted { $0.key < $1.key }.map(\.value)
  }

  @Test(arguments: [(false, 450), (true, 450)])
  func kernelsAreValid(asOnAGPU: Bool, atLeast: Int) throws {
    let shaders = try Self.shaders(try Self.traits(asOnAGPU: asOnAGPU))
    #expect(shaders.count >= atLeast)
    if asOnAGPU {
      #expect(shaders.contains { $0.defines["MATRIX_TYPE"] == "1" && $0.defines["WHOLE"] == "1" })
      #expect(shaders.contains { $0.defines["MATRIX_TYPE"] == "2" })
    }
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("spirv-val-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let compiler = ShaderCompiler()
    let modules = try compiler.compile(shaders.map { ($0.path, $0.defines) })
    for (shader, words) in zip(shaders, modules) {
      let said = try validate(words, in: folder)
      #expect(said == nil, "\(shader.path) \(shader.defines): \(said ?? "")")
    }
  }

  @Test func refusesWhatIsNotValid() throws {
    var words = try ShaderCompiler(sources: [
      "a.comp": "#version 460\nlayout(local_size_x = 1) in;\nvoid main() {}\n"
    ]).compile("a.comp")
    words.removeLast()
    #expect(try validate(words, in: FileManager.default.temporaryDirectory) != nil)
  }

  /// What spirv-val has against a module; nil if nothing.
  private func validate(_ words: [UInt32], in folder: URL) throws -> String? {
    let file = folder.appendingPathComponent("\(UUID().uuidString).spv")
    try words.withUnsafeBytes { Data($0) }.write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let tool = Process()
    tool.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    tool.arguments = [
      "spirv-val", "--target-env", "vulkan1.3", "--scalar-block-layout", file.path,
    ]
    let output = Pipe()
    tool.standardError = output
    tool.standardOutput = output
    try tool.run()
    let said = output.fileHandleForReading.readDataToEndOfFile()
    tool.waitUntilExit()
    return tool.terminationStatus == 0 ? nil : String(decoding: said, as: UTF8.self)
  }
}
