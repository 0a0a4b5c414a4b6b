import Foundation
import Testing

@testable import vkxl

/// Memory of a whole run with held-out pictures and samples: what is planned is allocated.
@Suite(.serialized) struct RunMemoryTests {
  /// The bytes behind a text in a run's messages, where it was said last.
  private func amount(_ text: String, in messages: String) throws -> Double {
    let line = try #require(
      messages.split(separator: "\n").last { $0.hasPrefix(text) }, "\(messages)")
    let words = line.dropFirst(text.count).split(separator: " ")
    let number = try #require(words.first.flatMap { Double($0) })
    let unit = try #require(words.dropFirst().first)
    let factors: [Substring: Double] = ["KiB": 0x1p10, "MiB": 0x1p20, "GiB": 0x1p30]
    return number * (try #require(factors[unit]))
  }

  private func messages(_ run: SmallRun, _ settings: [String]) async throws -> String {
    let picture = "[{prompt: a red star, width: 512, height: 384, steps: 1}]"
    let arguments = run.arguments(
      steps: 2,
      [
        "output.samples=\(picture)", "output.sample_every=1", "output.validate_every=1",
        "data.validation_fraction=0.4",
      ] + settings)
    let (status, errors) = try await Program.run(arguments)
    #expect(status == 0, "\(errors)")
    return errors
  }

  /// What `vkxl plan` says without the device is what a run takes, but for scratch memory: a CPU has
  /// kernels of its own.
  @Test(arguments: [
    ["model.precision=f32"], ["model.precision=bf16", "data.resolution=128"],
  ])
  func plansWithoutADeviceAreRight(_ settings: [String]) async throws {
    let run = try SmallRun()
    let (status, messages) = try await Program.run(run.arguments(steps: 1, settings))
    #expect(status == 0, "\(messages)")
    let file = run.folder.path + "/plan.json"
    let outcome = await command(
      ["plan"] + run.arguments(steps: 1, settings).dropFirst()
        + ["--matrix-units", "none", "--unified-memory", "--json", file])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let report = try JSONSerialization.jsonObject(
      with: Data(contentsOf: URL(fileURLWithPath: file)))
    let phases = try #require((report as? [String: Any])?["phases"] as? [[String: Any]])
    let planned = Double(phases.compactMap { $0["bytes"] as? Int }.max() ?? 0)
    let peak = try amount("peak device memory: ", in: messages)
    #expect(abs(planned / peak - 1) < 0.015, "\(planned), \(peak)")
  }

  /// A picture far larger than what is trained on, whole and then in pieces; the last pictures and states
  /// are there, and steps after a picture are those of a run without.
  @Test func peaksAreAsPlanned() async throws {
    let whole = try SmallRun(pictures: 10)
    let free = try await messages(whole, [])
    let planned = try amount("planned peak device memory: ", in: free)
    let decoding = try amount("planned for decoding pictures: ", in: free)
    #expect(abs(try amount("peak device memory: ", in: free) / planned - 1) < 0.01)
    #expect(decoding == planned, "\(free)")
    let budget = Int(planned / 0x1p20 * 0.8)
    let pieces = try SmallRun(pictures: 10)
    let tight = try await messages(pieces, ["memory.budget=\(budget)MiB"])
    #expect(tight.contains("planned for decoding pictures in pieces of "), "\(tight)")
    let peak = try amount("peak device memory: ", in: tight)
    #expect(peak <= Double(budget << 20))
    #expect(abs(try amount("planned peak device memory: ", in: tight) / peak - 1) < 0.01)
    let name = "state-step00000002.safetensors"
    #expect(try Self.tensors(pieces.bytes(name)) == Self.tensors(whole.bytes(name)))
    let plain = try SmallRun(pictures: 10)
    #expect(await plain.train(steps: 2, ["data.validation_fraction=0.4"]).status == 0)
    #expect(try Self.tensors(plain.bytes(name)) == Self.tensors(whole.bytes(name)))
  }

  /// What follows a state's header, which names the kernels.
  private static func tensors(_ state: Data) -> Data { state.dropFirst(8 + headerLength(state)) }

  private static func header(_ state: Data) -> String {
    String(decoding: state.dropFirst(8).prefix(headerLength(state)), as: UTF8.self)
  }

  private static func headerLength(_ state: Data) -> Int {
    state.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  /// Where the way to treat gradients is left open, a resumed run keeps that of its beginning, whatever
  /// memory there is by then, and so its bits.
  @Test func resumingKeepsTheWayOfGradients() async throws {
    let settings = ["training.max_grad_norm=0", "data.resolution=128"]
    let whole = try SmallRun()
    let (status, messages) = try await Program.run(whole.arguments(steps: 4, settings))
    try #require(status == 0, "\(messages)")
    let planned = try amount("planned peak device memory: ", in: messages)
    let tight = settings + ["memory.budget=\(Int(planned / 0x1p20) - 4)MiB"]
    // What is left open is last_norm there: its norm is in the state.
    let other = try SmallRun()
    #expect(await other.train(steps: 2, tight).status == 0)
    #expect(try Self.header(other.bytes("state-step00000002.safetensors")).contains("last_norm"))
    let resumed = try SmallRun()
    #expect(await resumed.train(steps: 2, settings).status == 0)
    let outcome = await resumed.train(steps: 4, tight, resume: true)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let name = "state-step00000004.safetensors"
    #expect(try !Self.header(resumed.bytes(name)).contains("last_norm"))
    #expect(try Self.tensors(resumed.bytes(name)) == Self.tensors(whole.bytes(name)))
    // And the other way round.
    let back = await other.train(steps: 4, settings, resume: true)
    #expect(back.status == 0, "\(back.errors)")
    #expect(try Self.header(other.bytes(name)).contains("last_norm"))
  }

  /// A budget that cannot be met is told before a single image is encoded.
  @Test func refusalsComeBeforeEncoding() async throws {
    let run = try SmallRun()
    for settings in [
      ["memory.budget=1MiB"], ["memory.gradients=last_norm", "model.precision=f16"],
    ] {
      let outcome = await run.train(steps: 1, settings)
      #expect(outcome.status == 1 && outcome.errors.contains("memory."), "\(outcome.errors)")
      #expect(!outcome.errors.contains("images"), "\(outcome.errors)")
    }
    #expect(run.written() == nil)
    // So are weights that nothing can be computed with.
    let path = run.folder.path + "/bad.safetensors"
    try Example.checkpoint(to: path) { tensor in
      var values = tensor.values
      if tensor.name == "model.diffusion_model.out.2.bias" { values[0] = .nan }
      return (tensor.name, tensor.shape, values)
    }
    let outcome = await run.train(steps: 1, ["model.checkpoint=\(path)"])
    #expect(outcome.status == 1 && outcome.errors.contains("weights that are finite"))
    #expect(!outcome.errors.contains("images"), "\(outcome.errors)")
  }

  /// `vkxl plan` tells the phases, and refuses what `vkxl train` would.
  @Test func phasesArePlanned() async throws {
    let folder = try TemporaryFolder()
    let file = folder.path + "/plan.json"
    func plan(_ settings: [String]) async -> ShellOutcome {
      await command(
        ["plan", "--config", Example.configuration, "--json", file]
          + settings.flatMap { ["--set", $0] })
    }
    let pictures = ["output.samples=[{prompt: a, width: 512, height: 512}]"]
    #expect(await plan(pictures).status == 0)
    let data = try Data(contentsOf: URL(fileURLWithPath: file))
    let report = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let phases = try #require(report["phases"] as? [[String: Any]])
    #expect(
      phases.compactMap { $0["name"] as? String }
        == ["image encoding", "text encoders", "training with pictures", "decoding pictures"])
    #expect(phases.allSatisfy { ($0["bytes"] as? Int ?? 0) > 1 << 20 })
    let bytes = phases.compactMap { $0["bytes"] as? Int }
    let budget = "memory.budget=\(bytes[2] >> 20)MiB"
    expectError(await plan(pictures + [budget]), "to draw the pictures")
    #expect(await plan(["output.samples=[]", "output.grid=false", budget]).status == 0)
  }
}
