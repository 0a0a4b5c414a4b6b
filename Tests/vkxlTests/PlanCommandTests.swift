import Data
import Foundation
import Testing
import VKRuntime

@testable import vkxl

/// `vkxl plan`, through the real command line, on the quickstart's model.
@Suite(.serialized) struct PlanCommandTests {
  private static func plan(_ arguments: [String]) async -> ShellOutcome {
    await command(
      ["plan", "--config", Example.configuration, "--device-memory", "1GiB"] + arguments)
  }

  private static func report(_ arguments: [String]) async throws -> [String: Any] {
    let folder = try TemporaryFolder()
    let file = folder.path + "/plan.json"
    let outcome = await plan(arguments + ["--json", file])
    try #require(outcome.status == 0, "\(outcome.errors)")
    let data = try Data(contentsOf: URL(fileURLWithPath: file))
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  private static func buckets(_ report: [String: Any]) throws -> [[String: Any]] {
    try #require(report["buckets"] as? [[String: Any]])
  }

  private static func memory(_ bucket: [String: Any]) throws -> [String: Int] {
    try #require(bucket["memory"] as? [String: Int])
  }

  private static let parts = [
    "parameters", "optimizer_state", "kept_gradients", "activations", "recomputed", "gradients",
    "workspace", "fragmentation", "step_blocks", "staging", "gaps",
  ]

  @Test func partsAddUpToThePeak() async throws {
    let report = try await Self.report([])
    #expect(report["budget_bytes"] as? Int == Int(Double(1 << 30) * 0.92))
    let bucket = try #require(try Self.buckets(report).first)
    #expect(bucket["gradients"] as? String == "kept" && bucket["recomputed_flop"] as? Int == 0)
    let memory = try Self.memory(bucket)
    let peak = try #require(memory["peak"])
    #expect(Self.parts.compactMap { memory[$0] }.reduce(0, +) == peak)
    #expect(try #require(memory["lower_bound"]) <= peak)
    #expect(memory["optimizer_state"] ?? 0 >= 2 * (memory["parameters"] ?? 0))
    let batch = try #require(bucket["batch"] as? Int)
    #expect(try #require(bucket["largest_batch"] as? Int) > batch)
    #expect((report["ways"] as? [Any])?.count == 4)
  }

  /// What the matrix units multiply decides what `auto` stores, and where a loss scale is needed.
  @Test(arguments: [
    ([String](), "auto", "bf16", false), (["--matrix-units", "f16"], "auto", "f16", true),
    (["--matrix-units", "none"], "auto", "f16", true),
    (["--matrix-units", "f16"], "bf16", "bf16", true),
    (["--matrix-units", "none"], "bf16", "bf16", false), ([], "f32", "f32", false),
  ])
  func precisionIsThatOfTheDevice(
    units: [String], asked: String, stored: String, scalesLoss: Bool
  ) async throws {
    let precision = ["--set", "model.precision=\(asked)"]
    let report = try await Self.report(units + precision)
    #expect(
      report["precision"] as? String == stored && report["scales_loss"] as? Bool == scalesLoss)
    let freed = await Self.plan(units + precision + ["--set", "memory.gradients=last_norm"])
    #expect((freed.status != 0) == scalesLoss, "\(freed.errors)")
  }

  /// Following what refusals ask for ends: for the steps, for pictures, and once more where the way to
  /// treat gradients changes with the budget; steps leave room for what passes between the host and the
  /// programs that draw and validate.
  @Test func followingRefusalsEnds() async throws {
    let settings = ["--set", "data.resolution=128", "--set", "data.validation_fraction=0.2"]
    func budget(_ mebibytes: Int) -> [String] {
      settings + ["--set", "memory.budget=\(mebibytes)MiB"]
    }
    var (least, refusals) = (1, 0)
    while true {
      let outcome = await Self.plan(budget(least))
      if outcome.status == 0 { break }
      refusals += 1
      try #require(refusals < 4, "\(outcome.errors)")
      let words = outcome.errors.split(separator: " ")
      let amount = try #require(words.first { $0.hasSuffix("MiB") }, "\(outcome.errors)")
      least = try #require(Int(amount.dropLast(3)))
    }
    for budgetMebibytes in [least, least + 1, least + 7] {
      let report = try await Self.report(budget(budgetMebibytes))
      let phases = try #require(report["phases"] as? [[String: Any]])
      let drawing = try #require(phases.first { $0["name"] as? String == "training with pictures" })
      #expect(try #require(drawing["bytes"] as? Int) <= budgetMebibytes << 20)
    }
  }

  /// The largest batch fits, one more does not.
  /// With all that a run has beside its steps: accumulation, held-out pictures, pictures drawn on the way.
  @Test(arguments: [
    ["memory.budget=256MiB", "data.resolution=128"],
    ["memory.budget=105MiB", "training.gradient_accumulation=3"],
    ["memory.budget=97MiB", "data.resolution=128", "data.validation_fraction=0.2"],
  ])
  func theLargestBatchIsTheLargest(_ keys: [String]) async throws {
    let settings = keys.flatMap { ["--set", $0] }
    let bucket = try #require(try Self.buckets(try await Self.report(settings)).first)
    let largest = try #require(bucket["largest_batch"] as? Int)
    for (batch, fits) in [(largest, true), (largest + 1, false)] {
      let outcome = await Self.plan(settings + ["--set", "training.batch_size=\(batch)"])
      #expect((outcome.status == 0) == fits, "\(batch): \(outcome.errors)")
    }
  }

  /// A budget is met, and refused with one that would be met.
  @Test func budgetsAreMet() async throws {
    let large = [
      "--set", "data.resolution=256", "--set", "model.precision=bf16",
      "--set", "memory.gradients=last_norm", "--set", "output.grid=false",
    ]
    func peak(_ budget: String) async throws -> (peak: Int, recomputed: Int) {
      let report = try await Self.report(large + ["--set", "memory.budget=\(budget)"])
      let bucket = try #require(try Self.buckets(report).first)
      return (
        try #require(try Self.memory(bucket)["peak"]),
        try #require(bucket["recomputed_flop"] as? Int)
      )
    }
    let free = try await peak("8GiB")
    #expect(free.recomputed == 0)
    let outcome = await Self.plan(large + ["--set", "memory.budget=1MiB"])
    expectError(outcome, "memory.budget: expected at least ")
    let words = outcome.errors.split(separator: " ").map(String.init)
    let least = try #require(words.first { $0.hasSuffix("MiB") })
    let tight = try await peak(least)
    let most = try #require(ByteCount(least)).bytes
    #expect(tight.peak <= most)
    #expect(tight.peak < free.peak && tight.recomputed > 0)
  }

  @Test func aPictureIsDrawn() async throws {
    let folder = try TemporaryFolder()
    let outcome = await Self.plan(["--plot", folder.path + "/memory.png"])
    #expect(outcome.status == 0 && outcome.errors == "")
    let image = try Image(contentsOf: folder.path + "/memory.png")
    #expect(image.width == 1200 && image.height == 800)
    let coloured = stride(from: 0, to: image.rgb.count, by: 3).count {
      image.rgb[$0] != image.rgb[$0 + 1]
    }
    #expect(coloured > 1200 * 800 / 10)
  }

  static let mistakes: [([String], String)] = [
    (["--device-memory", "24"], "--device-memory: expected an amount with its unit, as in 24GiB"),
    (
      [
        "--device-memory", "300MiB", "--set", "data.resolution=1024", "--set", "memory.budget=8GiB",
      ],
      "device memory: expected at least"
    ),
    (["--bucket", "1x1"], "--bucket 1x1: expected a bucket of the configuration"),
    (["--json", "/nowhere/a.json"], "--json /nowhere/a.json: expected a file in an"),
    (
      ["--set", "memory.budget=22"],
      "--set memory.budget: expected an amount with its unit, as in 22GiB, or `auto`"
    ),
    (["--set", "memory.gradients=keep"], "--set memory.gradients: expected `auto`, `kept`"),
    (
      ["--set", "memory.gradients=last_norm", "--set", "training.gradient_accumulation=4"],
      "memory.gradients: expected `kept` or `kept_bf16` with gradients of 4 batches"
    ),
    (
      ["--set", "memory.budget=1MiB", "--set", "training.gradient_accumulation=4"],
      "hint: `memory.gradients: kept_bf16`, a smaller batch, smaller pictures, `training.gradient_accumulation: 1`"
    ),
  ]

  @Test(arguments: mistakes) func mistakesAreTold(_ arguments: [String], _ part: String) async {
    expectError(await Self.plan(arguments), part)
  }

  @Test func amountsOfMemory() {
    let bytes = ["22GiB", " 22.5 gib", "900MiB", "24GB", "1.5 TiB", "1KiB"].map {
      ByteCount($0)?.bytes
    }
    let expected = [22 << 30, 45 << 29, 900 << 20, 24_000_000_000, 3 << 39, 1024]
    #expect(bytes == expected)
    #expect(["22", "GiB", "-1GiB", "0GiB", "1e30GiB", "22 G"].allSatisfy { ByteCount($0) == nil })
    for count in expected { #expect(ByteCount(ByteCount(count).text)?.bytes == count) }
  }

  @Test func aCPUHasTheMachinesMemory() {
    let text = "MemTotal:       24684444 kB\nMemFree:  12 kB\nMemAvailable:   23218180 kB\n"
    #expect(Device.hostAvailableByteCount(meminfo: text) == 23_218_180 << 10)
    #expect(Device.hostAvailableByteCount(meminfo: "MemTotal: 3 kB\n") == nil)
    #expect(Device.hostAvailableByteCount(meminfo: "MemAvailable:") == nil)
  }
}
