import Foundation
import Model
import Testing

@testable import vkxl

@Suite struct ConfigurationReferenceTests {
  /// The package's root folder.
  static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  @Test func committedPageIsTheTable() throws {
    let page = Self.root.appendingPathComponent("Documentation/Configuration.md")
    let committed = try String(contentsOf: page, encoding: .utf8)
    #expect(
      committed == ConfigurationReference.markdown,
      "rewrite it: vkxl config-reference > Documentation/Configuration.md")
  }

  @Test func pageNamesEveryKeyOnce() {
    for key in ConfigurationKey<Configuration>.all {
      let rows = ConfigurationReference.markdown.split(separator: "\n").filter {
        $0.hasPrefix("| `\(key.name)` |") && $0.hasSuffix("| \(key.summary) |")
      }
      #expect(rows.count == 1, "\(key.path)")
    }
  }

  /// With a rate that suits it, each optimizer may be chosen on the command line.
  @Test(arguments: ["quickstart", "sdxl-flow", "sdxl-v-ztsnr"], OptimizerType.allCases)
  func examplesTakeEveryOptimizer(name: String, optimizer: OptimizerType) async throws {
    let rate = optimizer == .prodigy ? "1" : "1e-4"
    let size = name == "quickstart" ? [] : ["--size", "tiny", "--bucket", "1024x1024"]
    let outcome = await command(
      ["plan", "--config", Self.root.appendingPathComponent("Examples/\(name).yaml").path] + size
        + ["optimizer.type=\(optimizer.rawValue)", "optimizer.learning_rate=\(rate)"]
        .flatMap { ["--set", $0] })
    #expect(outcome.status == 0, "\(outcome.errors)")
  }

  @Test(arguments: ["quickstart", "sdxl-flow", "sdxl-v-ztsnr"])
  func exampleLoads(_ name: String) throws {
    let file = Self.root.appendingPathComponent("Examples/\(name).yaml").path
    let configuration = try Configuration.load(file: file)
    #expect(configuration.model.checkpoint.hasPrefix(Self.root.path + "/Examples/"))
    #expect(!configuration.output.samples.isEmpty)
    let expected: PredictionType = name == "sdxl-v-ztsnr" ? .v : .flow
    #expect(configuration.objective.type == expected)
    #expect(configuration.objective.zeroTerminalSNR == (expected == .v))
  }
}
