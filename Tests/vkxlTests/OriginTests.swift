import Graph
import Model
import Testing

@testable import vkxl

/// What a checkpoint says that it predicts, beside what it is to be trained to.
@Suite struct OriginTests {
  struct Origin: Sendable, CustomTestStringConvertible {
    var objective: String
    var lines = ""
    var metadata: [String: String] = [:]
    var tensors: [String] = []
    /// Parts of the one warning; none: there is none.
    var warning: [String] = []
    var testDescription: String { "\(objective) \(lines) \(metadata) \(tensors)" }

    func check() throws -> [String] {
      let folder = try TemporaryFolder()
      let path = folder.path + "/m.safetensors"
      try SafetensorsWriter.write(
        [("weight", [1], [1])] + tensors.map { ($0, [0], []) }, metadata: metadata, to: path)
      return try Configuration.parse(
        minimalYAML(["objective": lines], objective: objective), file: "/runs/run.yaml"
      ).checkOrigin(try Safetensors(path: path))
    }
  }

  private static let own = "vkxl.prediction_type"
  private static let spec = "modelspec.prediction_type"
  private static let easing = "from: epsilon\ntransition_steps: 10"

  static let allowed = [
    Origin(objective: "flow", lines: easing),
    Origin(objective: "v", lines: easing, metadata: [spec: "epsilon"]),
    Origin(objective: "flow", metadata: [own: "flow"]),
    Origin(objective: "epsilon"),
    Origin(objective: "v", tensors: ["v_pred"]),
    Origin(objective: "v", lines: "zero_terminal_snr: true", tensors: ["v_pred", "ztsnr"]),
    // What nobody can read says nothing.
    Origin(objective: "v", lines: easing, metadata: [spec: "wild"]),
    Origin(objective: "v", metadata: [spec: "wild"]),
    Origin(
      objective: "flow",
      warning: ["without markers", "predicts epsilon", "objective.from: epsilon"]
    ),
    Origin(
      objective: "v", metadata: [spec: "epsilon"],
      warning: ["says that it predicts epsilon", "asked for v", "objective.from: epsilon"]),
    Origin(
      objective: "flow", tensors: ["v_pred"],
      warning: ["says that it predicts v", "asked for flow", "first steps"]),
    Origin(
      objective: "epsilon", metadata: [own: "flow"],
      warning: ["says that it predicts flow", "asked for epsilon", "first steps"]),
    Origin(
      objective: "v", tensors: ["v_pred", "ztsnr"],
      warning: ["objective.zero_terminal_snr", "with it, and goes on without"]),
    Origin(
      objective: "v", lines: "zero_terminal_snr: true", tensors: ["v_pred"],
      warning: ["objective.zero_terminal_snr", "without, and goes on with it"]),
  ]

  @Test(arguments: allowed) func warnings(_ origin: Origin) throws {
    let found = try origin.check()
    #expect(found.count == (origin.warning.isEmpty ? 0 : 1), "\(found)")
    for part in origin.warning { #expect(found.first?.contains(part) == true, "\(found)") }
  }

  @Test(arguments: [
    (
      Origin(objective: "flow", lines: easing, metadata: [own: "flow"]), "flow",
      "predicts `objective.type` already"
    ),
    (Origin(objective: "v", lines: easing, tensors: ["v_pred"]), "v", "already"),
    (Origin(objective: "flow", lines: easing, tensors: ["v_pred"]), "v", "only epsilon is eased"),
    (
      Origin(objective: "v", lines: easing, metadata: [own: "flow"], tensors: ["v_pred"]), "flow",
      "only epsilon is eased"
    ),
  ])
  func easingFromSomethingElseIsRefused(
    _ origin: Origin, _ stated: String, _ hint: String
  ) throws {
    #expect {
      try origin.check()
    } throws: { error in
      guard let error = error as? InputError else { return false }
      return error.place.hasSuffix(": objective.from")
        && error.expected == "a checkpoint that predicts epsilon"
        && error.found.hasSuffix("m.safetensors, which says that it predicts \(stated)")
        && error.hint.contains("leave `objective.from` out") && error.hint.contains(hint)
    }
  }

  /// Before anything is written, by `plan` and `train` alike: the bundled model says flow.
  @Test func commandsLookAtTheMarkers() async throws {
    let run = try SmallRun()
    let easing = ["objective.from=epsilon", "objective.transition_steps=1"]
    let refusal = "--set objective.from: expected a checkpoint that predicts epsilon, found "
    expectError(await run.train(easing), refusal)
    #expect(run.written() == nil)
    let plan = run.arguments(easing).dropFirst().filter { $0 != "--no-tune" }
    expectError(await command(["plan"] + plan), refusal)
    let warned = try await Program.run(
      run.arguments(
        steps: 1,
        [
          "objective.type=v", "objective.timestep_sampling=uniform", "objective.uniform_fraction=0",
          "objective.shift=1",
        ]))
    #expect(warned.status == 0)
    let message = "warning: objective.type: the checkpoint says that it predicts flow, and is "
    #expect(warned.errors.contains(message + "asked for v"), "\(warned.errors)")
  }
}
