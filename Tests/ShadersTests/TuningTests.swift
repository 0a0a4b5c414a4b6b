import Foundation
import Graph
import Testing
import VKRuntime

@testable import Shaders

@Suite struct TuningTests {
  private let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("vkxl-tuning-\(UUID().uuidString)")

  /// Two products of different classes, and one that shares the first's.
  private static func graph() -> Graph {
    let graph = Graph()
    for (index, n) in [64, 200, 60].enumerated() {
      let a = graph.input("a \(index)", TensorType([40, 32]))
      let b = graph.input("b \(index)", TensorType([n, 32]))
      graph.output("y \(index)", graph.apply(MatrixProduct(transposeB: true), [a, b])[0])
    }
    return graph
  }

  private func backend() throws -> VulkanBackend {
    VulkanBackend(try Device(cacheFolder: CacheFolder(path: folder.path)))
  }

  /// What is measured is a candidate, is kept for the next run, and is not measured again.
  @Test func keepsWhatItMeasures() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let first = try backend()
    let report = try first.tune([Self.graph()], budgetSeconds: .infinity)
    #expect(report.measuredCount == 2 && report.knownCount == 0 && report.guessedCount == 0)
    let again = try first.tune([Self.graph()], budgetSeconds: .infinity)
    #expect(again.measuredCount + again.knownCount + again.guessedCount == 0)
    let second = try backend()
    let known = try second.tune([Self.graph()], budgetSeconds: .infinity)
    #expect(known.measuredCount == 0 && known.knownCount == 2)
    #expect(second.kernelChoices == first.kernelChoices)
    #expect(KernelChoices.parse(first.kernelChoices)?.count == 2)
  }

  /// Without time the best guesses are taken, and kept too.
  @Test func guessesWithoutTime() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let backend = try backend()
    let report = try backend.tune([Self.graph()], budgetSeconds: 0)
    #expect(report.measuredCount == 0 && report.guessedCount == 2)
    let type = (TensorType([40, 32]), TensorType([64, 32]))
    let product = MatrixProduct(transposeB: true)
    let selection = product.selection(
      inputs: [type.0, type.1], outputs: [TensorType([40, 64])], device: backend.traits)
    let choices = try #require(KernelChoices.parse(backend.kernelChoices))
    let guess = try #require(selection)
    #expect(choices[guess.key] == guess.candidates[0])
  }
}
