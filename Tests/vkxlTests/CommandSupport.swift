import Foundation
import Model
import Synchronization
import Testing

@testable import vkxl

/// Files of the bundled example, found from this file.
enum Example {
  static let folder =
    URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path + "/Examples"
  static let configuration = folder + "/quickstart.yaml"
  static let base = folder + "/quickstart/base.safetensors"
  static let pictures = folder + "/quickstart/data/10_shapes"

  /// Some pictures with captions, in a new folder.
  static func copyPictures(_ count: Int, to folder: String) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for index in 0..<count {
      for ending in ["png", "txt"] {
        let name = String(format: "%03d", index) + ".\(ending)"
        try FileManager.default.copyItem(atPath: "\(pictures)/\(name)", toPath: "\(folder)/\(name)")
      }
    }
  }

  /// The bundled checkpoint in f32, each tensor as `change` makes it, or left out.
  static func checkpoint(
    to path: String, _ change: (NamedTensor) -> NamedTensor?
  ) throws {
    let file = try Safetensors(path: base)
    let tensors = try file.entries.compactMap { entry in
      change((entry.name, entry.shape, try file.floats(entry)))
    }
    try SafetensorsWriter.write(tensors, to: path)
  }
}

/// A temporary folder with a few pictures, and the quickstart's configuration over it.
struct SmallRun {
  let folder: TemporaryFolder
  var out: String { folder.path + "/out" }

  init(pictures: Int = 4) throws {
    folder = try TemporaryFolder()
    try Example.copyPictures(pictures, to: folder.path + "/data")
  }

  /// `train` without pictures drawn, so that a run takes a second or two.
  func arguments(
    steps: Int = 2, out: String? = nil, _ settings: [String] = [], resume: Bool = false
  ) -> [String] {
    let all =
      [
        "output.folder=\(out ?? self.out)", "data.folder=\(folder.path)/data",
        "data.cache_folder=\(folder.path)/cache", "training.max_steps=\(steps)",
        "training.batch_size=2", "optimizer.scheduler=constant", "optimizer.warmup_steps=0",
        "output.save_every=0", "output.grid=false", "output.samples=[]",
      ] + settings
    return ["train", "--config", Example.configuration] + all.flatMap { ["--set", $0] }
      + (resume ? ["--resume"] : [])
  }

  func train(
    steps: Int = 2, out: String? = nil, _ settings: [String] = [], resume: Bool = false
  ) async -> ShellOutcome {
    await command(arguments(steps: steps, out: out, settings, resume: resume))
  }

  /// Names in the output folder; nil when there is no such folder.
  func written() -> [String]? {
    try? FileManager.default.contentsOfDirectory(atPath: out).sorted()
  }

  func bytes(_ name: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: "\(out)/\(name)"))
  }
}

func command(_ arguments: [String]) async -> ShellOutcome {
  let output = Mutex("")
  let errors = Mutex("")
  let status = await Shell.run(
    arguments, standardOutput: { text in output.withLock { $0 += text } },
    standardError: { text in errors.withLock { $0 += text } })
  return ShellOutcome(
    status: status, output: output.withLock { $0 }, errors: errors.withLock { $0 })
}

/// Status 1, and one error of one or two lines with `part` in it.
func expectError(
  _ outcome: ShellOutcome, _ part: String, sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(outcome.status == 1, sourceLocation: sourceLocation)
  #expect(outcome.output == "", sourceLocation: sourceLocation)
  #expect(outcome.errors.contains(part), sourceLocation: sourceLocation)
  let lines = outcome.errors.split(separator: "\n")
  #expect((1...2).contains(lines.count), sourceLocation: sourceLocation)
  #expect(lines.first?.hasPrefix("error: ") == true, sourceLocation: sourceLocation)
  #expect(lines.dropFirst().allSatisfy { $0.hasPrefix("hint: ") }, sourceLocation: sourceLocation)
}

/// The built program, as a process of its own: for signals and limits.
enum Program {
  static func process(_ arguments: [String]) throws -> Process {
    let runner = URL(fileURLWithPath: ProcessInfo.processInfo.arguments[0])
    let executable = runner.deletingLastPathComponent().appendingPathComponent("vkxl").path
    try #require(FileManager.default.isExecutableFile(atPath: executable), "\(executable)")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    // With the signal ignored, a write over a file limit fails, as one to a full disk does.
    process.arguments = ["-c", "trap '' XFSZ; exec \"$@\"", "bash", executable] + arguments
    process.standardOutput = FileHandle.nullDevice
    return process
  }

  /// From now on `process` can write no file beyond `bytes`.
  static func limitFiles(of process: Process, to bytes: Int) throws {
    let prlimit = try Process.run(
      URL(fileURLWithPath: "/usr/bin/prlimit"),
      arguments: ["--pid", "\(process.processIdentifier)", "--fsize=\(bytes)"])
    prlimit.waitUntilExit()
    try #require(prlimit.terminationStatus == 0)
  }

  /// Runs to its end, `meanwhile` once started. - Returns: status and standard error.
  static func run(
    _ arguments: [String], meanwhile: (Process) async throws -> Void = { _ in }
  ) async throws -> (status: Int32, errors: String) {
    let process = try process(arguments)
    let pipe = Pipe()
    process.standardError = pipe
    try process.run()
    try await meanwhile(process)
    let errors = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: errors, as: UTF8.self))
  }
}
