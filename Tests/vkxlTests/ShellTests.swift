import ArgumentParser
import Foundation
import Graph
import Model
import Synchronization
import Testing

@testable import vkxl

/// What a command line printed, and its exit status.
struct ShellOutcome: Sendable {
  var status: Int32
  var output: String
  var errors: String
}

func shell(_ arguments: String...) async -> ShellOutcome {
  let output = Mutex("")
  let errors = Mutex("")
  let status = await Shell.run(
    arguments, standardOutput: { text in output.withLock { $0 += text } },
    standardError: { text in errors.withLock { $0 += text } })
  return ShellOutcome(
    status: status, output: output.withLock { $0 }, errors: errors.withLock { $0 })
}

/// A folder that is removed when the test ends.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.path + "/vkxl-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String, _ text: String = "") throws -> String {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path + "/" + name))
    return path + "/" + name
  }
}

@Suite struct ShellTests {
  @Test(arguments: [
    [], ["devices"], ["init"], ["inspect"], ["train"], ["sample"], ["tokenize"], ["forward"],
    ["forward", "unet"], ["forward", "text"], ["forward", "vae-encode"], ["forward", "vae-decode"],
    ["forward", "loss"], ["forward", "sample"], ["config-reference"], ["verify"], ["bench"],
    ["bench", "kernels"], ["bench", "step"], ["bench", "memory"],
  ])
  func help(_ command: [String]) async {
    let output = Mutex("")
    let status = await Shell.run(
      command + ["--help"], standardOutput: { text in output.withLock { $0 += text } },
      standardError: { Issue.record("\($0)") })
    #expect(status == 0)
    let text = output.withLock { $0 }
    #expect(text.hasPrefix("OVERVIEW: "))
    #expect(text.contains("USAGE: " + (["vkxl"] + command).joined(separator: " ")))
  }

  /// Every option is documented: its line in the help text has words after its name.
  @Test func everyOptionHasHelp() {
    let types: [any ParsableCommand.Type] = [
      TrainCommand.self, SampleCommand.self, InitCommand.self, ForwardLoss.self, ForwardSample.self,
      BenchKernelsCommand.self, BenchStepCommand.self, BenchMemoryCommand.self,
    ]
    for type in types {
      let lines = Vkxl.helpMessage(for: type, columns: 400).split(separator: "\n")
      let options = lines.enumerated().filter {
        $1.trimmingCharacters(in: .whitespaces).hasPrefix("-")
      }
      #expect(options.count >= 5)
      for (index, option) in options {
        let isHelped = option.contains(/^ +(-\w, )?--[\w-]+( <[^>]+>)? +\S/)
        // A long name has its help on the next line, further in.
        let next = index + 1 < lines.count ? lines[index + 1] : ""
        #expect(isHelped || next.hasPrefix(String(repeating: " ", count: 20)), "\(option)")
      }
    }
  }

  @Test(arguments: [
    ["smaple"], ["train"], ["train", "--confg", "a"], ["sample", "--width", "wide"],
    ["forward", "loss", "--objective", "velocity"], ["init", "--size", "huge", "--out", "x"],
  ])
  func badUsageIs64(_ arguments: [String]) async {
    let errors = Mutex("")
    let status = await Shell.run(
      arguments, standardOutput: { Issue.record("\($0)") },
      standardError: { text in errors.withLock { $0 += text } })
    #expect(status == 64)
    #expect(errors.withLock { $0 }.hasPrefix("error: "))
  }

  @Test func configurationMistakesAreOneErrorEach() async throws {
    let folder = try TemporaryFolder()
    let file = try folder.file("run.yaml", "model: {checkpiont: a}\ndata: {folder: b}\n")
    let outcome = await shell("train", "--config", file, "--set", "objective.type=v")
    #expect(outcome.status == 1)
    #expect(outcome.output == "")
    #expect(
      outcome.errors == """
        error: \(file):1: expected a key of the configuration, found `model.checkpiont`
        hint: did you mean `model.checkpoint`?
        error: \(file): expected `model.checkpoint`, found no such key
        hint: SDXL checkpoint to start from: one safetensors file with the names of sd_xl_base_1.0.

        """)
    let missing = await shell("train", "--config", folder.path + "/none.yaml")
    #expect(missing.status == 1)
    #expect(missing.errors.hasPrefix("error: \(folder.path)/none.yaml: expected"))
  }

  @Test func trainAppliesItsOptionsToTheConfiguration() throws {
    let folder = try TemporaryFolder()
    _ = try folder.file("base.safetensors")
    let file = try folder.file(
      "run.yaml",
      minimalYAML(["device": "name: '0'"]).replacing("folder: images", with: "folder: ."))
    let arguments = [
      "--config", file, "--set", "training.seed=5", "--set", "output.folder=/elsewhere",
      "--device", "llvmpipe", "--validate",
    ]
    let configuration = try TrainCommand.parse(arguments).loadConfiguration()
    #expect(configuration.training.seed == 5)
    #expect(configuration.device.name == "llvmpipe")
    #expect(configuration.device.validate)
    #expect(configuration.output.folder == "/elsewhere")
    #expect(configuration.data.folder == folder.path)
  }

  /// Options of `sample` that cannot be right, and the place that the error names.
  @Test(arguments: [
    (["--width", "100"], "--width"), (["--height", "0"], "--height"),
    (["--steps", "0"], "--steps"), (["--guidance", "nan"], "--guidance"),
    (["--count", "0"], "--count"), (["--shift", "0"], "--shift"),
    (["--prediction", "v", "--shift", "2"], "--shift"),
    (["--prediction", "eps", "--ztsnr"], "--ztsnr"),
    (["--prediction", "v", "--ztsnr", "--terminal-sigma", "2254"], "--terminal-sigma"),
    (["--terminal-sigma", "nan"], "--terminal-sigma"),
    (["--prediction", "v", "--terminal-sigma", "4096"], "--terminal-sigma"),
    (["--prediction", "flow", "--spacing", "karras"], "--spacing"),
    (["--prediction", "flow", "--sampler", "ddim"], "--sampler"),
    (["--prediction", "flow", "--sampler", "euler_ancestral"], "--sampler"),
    (["--prediction", "v", "--ztsnr", "--spacing", "karras"], "--spacing"),
    (["--prediction", "v", "--ztsnr", "--spacing", "beta", "--sigma-max", "3000"], "--sigma-max"),
    (["--prediction", "v", "--spacing", "karras", "--sigma-max", "20"], "--sigma-max"),
    (["--prediction", "v", "--sigma-max", "10"], "--sigma-max"),
    (["--prediction", "v", "--ztsnr", "--spacing", "leading"], "--spacing"),
    (["--prediction", "v", "--infinite-first-step"], "--infinite-first-step"),
    (
      ["--prediction", "v", "--spacing", "karras", "--infinite-first-step"],
      "--infinite-first-step"
    ),
    (["--sampler", "ddim", "--spacing", "exponential"], "--spacing"),
    (["--eta", "0.5"], "--eta"), (["--sampler", "ddim", "--eta", "2"], "--eta"),
    (["--guidance-rescale", "1.5"], "--guidance-rescale"),
    (["--model", "/nowhere/m.safetensors"], "--model /nowhere/m.safetensors"),
  ])
  func sampleOptions(_ options: [String], _ place: String) throws {
    let folder = try TemporaryFolder()
    let model = try folder.file("m.safetensors")
    let sample = try SampleCommand.parse(
      ["--prompt", "a", "--out", folder.path] + ["--model", model] + options)
    #expect {
      try sample.checkOptions()
    } throws: { error in
      (error as? InputError)?.place == place
    }
    let good = try SampleCommand.parse([
      "--prompt", "a", "--prompt", "b", "--out", folder.path + "/new", "--model", model,
      "--prediction", "v", "--ztsnr", "--spacing", "trailing", "--terminal-sigma", "4518.76",
    ])
    try good.checkOptions()
    #expect(good.prompt == ["a", "b"])
    try SampleCommand.parse([
      "--prompt", "a", "--out", folder.path + "/new", "--model", model, "--prediction", "v",
      "--ztsnr", "--sampler", "dpmpp_2m_sde", "--eta", "0.5", "--spacing", "karras", "--sigma-max",
      "14.6", "--infinite-first-step", "--terminal-sigma", "inf", "--guidance-rescale", "0.7",
    ]).checkOptions()
  }

  @Test func initOverwritesOnlyWhenAsked() throws {
    let folder = try TemporaryFolder()
    let file = try folder.file("m.safetensors", "precious")
    let arguments = ["--size", "tiny", "--out", file]
    #expect {
      try InitCommand.parse(arguments).run()
    } throws: { error in
      (error as? InputError)?.place == "--out \(file)"
    }
    #expect(try String(contentsOfFile: file, encoding: .utf8) == "precious")
    try InitCommand.parse(arguments + ["--force"]).run()
    #expect(try !Safetensors(path: file).entries.isEmpty)
  }

  @Test func forwardFiles() throws {
    let folder = try TemporaryFolder()
    let file = try folder.file("m.safetensors")
    func place(_ model: String, _ inputs: String, _ out: String) throws -> String? {
      let options = try ForwardUNet.parse(["--model", model, "--inputs", inputs, "--out", out])
      do {
        try options.options.checkFiles()
        return nil
      } catch let error as InputError {
        return error.place
      }
    }
    let out = folder.path + "/out.safetensors"
    #expect(try place(file, file, out) == nil)
    #expect(try place("/no", file, out) == "--model /no")
    #expect(try place(file, folder.path, out) == "--inputs \(folder.path)")
    #expect(try place(file, file, folder.path) == "--out \(folder.path)")
    #expect(try place(file, file, "/nowhere/at/all") == "--out /nowhere/at/all")
    #expect(
      try ForwardLoss.parse([
        "--objective", "eps", "--model", "a", "--inputs", "b", "--out", "c",
      ]).objective == .epsilon)
  }

  @Test func reportsOfErrors() {
    struct Odd: Error {}
    #expect(
      ErrorReport(InputError("a.png", expected: "b", found: "c", hint: "d"))
        == ErrorReport(text: "error: a.png: expected b, found c\nhint: d\n", status: 1))
    #expect(ErrorReport(Odd()) == ErrorReport(text: "error: Odd()\n", status: 1))
    #expect(ErrorReport(ExitCode(3)) == ErrorReport(text: "", status: 3))
    do {
      _ = try Data(contentsOf: URL(fileURLWithPath: "/nowhere/file"))
      Issue.record("read a file that is not there")
    } catch {
      let report = ErrorReport(error)
      #expect(report.status == 1)
      #expect(report.text.contains("/nowhere/file"))
      #expect(report.text.split(separator: "\n").count == 1)
    }
  }

  @Test func referenceIsPrinted() async {
    let outcome = await shell("config-reference")
    #expect(outcome.status == 0)
    #expect(outcome.output == ConfigurationReference.markdown)
    #expect(await shell("--version").output == Vkxl.version + "\n")
  }
}
