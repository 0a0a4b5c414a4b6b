import Foundation
import Model
import Testing

@testable import vkxl

@Suite(.serialized) struct TrainCommandTests {
  private struct Line: Decodable {
    var step: Int
    var loss: Double
    var learningRate: Double
    var gradientNorm: Double
    var seconds: Double
    var imagesPerSecond: Double
  }

  private func metrics(_ run: SmallRun) throws -> [Line] {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try run.bytes("metrics.jsonl").split(separator: UInt8(ascii: "\n")).map {
      try decoder.decode(Line.self, from: Data($0))
    }
  }

  /// Waits, half a minute at most, until `process` has done `step` of the run.
  private func waitForStep(_ step: Int, of run: SmallRun, _ process: Process) async throws {
    for _ in 0..<1500 where (try? metrics(run).count) ?? 0 < step && process.isRunning {
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  /// Four steps are two, --resume and two, to the bit; the files are what is promised.
  @Test func resumedRunIsTheSame() async throws {
    let whole = try SmallRun()
    expectDone(await whole.train(steps: 4))
    let parts = try SmallRun()
    #expect(await parts.train(steps: 2).status == 0)
    #expect(
      parts.written() == [
        "config.yaml", "kernels.txt", "metrics.jsonl", "quickstart.safetensors",
        "state-step00000002.safetensors",
      ])
    #expect(await parts.train(steps: 4, resume: true).errors == "")
    let state = "state-step00000004.safetensors"
    #expect(try whole.bytes(state) == parts.bytes(state))
    let (first, second) = (try metrics(whole), try metrics(parts))
    #expect(first.map(\.step) == [1, 2, 3, 4])
    #expect(first.map(\.loss) == second.map(\.loss))
    #expect(first.map(\.gradientNorm) == second.map(\.gradientNorm))
    for line in first {
      #expect(line.loss > 0.001 && line.loss < 10 && line.gradientNorm > 0)
      #expect(line.learningRate == 1e-3)
      #expect(line.seconds > 0 && abs(line.imagesPerSecond * line.seconds - 2) < 0.01)
    }
    let models = try [whole, parts].map {
      try Safetensors(path: $0.out + "/quickstart.safetensors")
    }
    for entry in models[0].entries {
      let other = try models[1].entry(entry.name)
      #expect(entry.dtype == other.dtype && entry.shape == other.shape)
      #expect(try models[0].floats(entry) == models[1].floats(other))
    }
    let prefix = CheckpointPart.unet.prefix
    let base = try Safetensors(path: Example.base).digest(ofTensorsWithPrefix: prefix)
    #expect(models[0].digest(ofTensorsWithPrefix: prefix) != base)
  }

  /// A folder belongs to one run, and a run to one model, data set and configuration.
  @Test func anotherRunIsRefused() async throws {
    let run = try SmallRun()
    #expect(await run.train(steps: 1).status == 0)
    let names = try #require(run.written())
    let before = try names.map { try run.bytes($0) }
    expectError(
      await run.train(),
      "\(run.out): expected an empty or new output folder, found another run's metrics.jsonl\n"
        + "hint: continue it with --resume, or name another output.folder")
    let state = run.out + "/state-step00000001.safetensors"
    expectError(
      await run.train(["optimizer.learning_rate=0.5"], resume: true),
      "\(state): expected the settings of the run to resume (optimizer.learning_rate: 0.001), "
        + "found optimizer.learning_rate: 0.5")
    let other = run.folder.path + "/other.safetensors"
    #expect(await command(["init", "--size", "tiny", "--seed", "1", "--out", other]).status == 0)
    expectError(
      await run.train(["model.checkpoint=\(other)"], resume: true),
      "\(state): expected the model of the run to resume, found another model")
    let cached = try FileManager.default.subpathsOfDirectory(atPath: run.folder.path + "/cache")
    _ = try run.folder.file("data/000.txt", "another caption")
    try FileManager.default.copyItem(
      atPath: Example.pictures + "/020.png", toPath: run.folder.path + "/data/020.png")
    _ = try run.folder.file("data/020.txt", "another picture")
    expectError(
      await run.train(resume: true),
      "\(state): expected the data set of the run to resume, found another data set")
    // Refused before the new picture was encoded.
    #expect(
      try FileManager.default.subpathsOfDirectory(atPath: run.folder.path + "/cache") == cached)
    #expect(run.written() == names)
    #expect(try names.map { try run.bytes($0) } == before)
    expectError(
      await run.train(out: run.folder.path + "/none", resume: true),
      "/none: expected a saved state to resume from (state-step*.safetensors), found none")
    #expect(!FileManager.default.fileExists(atPath: run.folder.path + "/none"))
  }

  /// Ctrl-C finishes the step, saves and ends with status 0; --resume goes on from there.
  @Test func stopRequestSaves() async throws {
    let run = try SmallRun()
    let process = try Program.process(run.arguments(steps: 100_000))
    process.standardError = FileHandle.nullDevice
    try process.run()
    try await waitForStep(2, of: run, process)
    process.interrupt()
    process.waitUntilExit()
    #expect(process.terminationReason == .exit)
    #expect(process.terminationStatus == 0)
    let last = try #require(try metrics(run).last).step
    #expect(last >= 2 && last < 100_000)
    let digits = String(format: "%08d", last)
    #expect(run.written()?.contains("state-step\(digits).safetensors") == true)
    #expect(run.written()?.contains("quickstart-step\(digits).safetensors") == true)
    #expect(await run.train(steps: last + 1, resume: true).errors == "")
    #expect(try metrics(run).map(\.step) == Array(1...(last + 1)))
  }

  /// Ctrl-C while images are encoded finishes the one under way and ends with status 0; what is cached
  /// then serves (here without most of the images, which would take long).
  @Test func stopRequestKeepsTheCache() async throws {
    let run = try SmallRun(pictures: 60)
    let settings = ["data.resolution=192"]
    let process = try Program.process(run.arguments(steps: 1, settings))
    let pipe = Pipe()
    process.standardError = pipe
    try process.run()
    func cached() -> [String] {
      let files = try? FileManager.default.subpathsOfDirectory(atPath: run.folder.path + "/cache")
      return (files ?? []).filter { $0.contains("/") }
    }
    for _ in 0..<3000 where cached().count < 2 && process.isRunning {
      try await Task.sleep(for: .milliseconds(10))
    }
    process.interrupt()
    let errors = String(
      decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationReason == .exit)
    #expect(process.terminationStatus == 0)
    #expect(errors.contains("stopping after this image; press Ctrl-C again to stop at once\n"))
    let count = cached().count
    #expect(count >= 2 && count < 60)
    #expect(cached().allSatisfy { $0.hasSuffix(".vkxlcache") })
    #expect(
      errors.hasSuffix("stopped: \(count) of 60 images are cached; run the same command to go on\n")
    )
    #expect(run.written() == nil)
    for index in 4..<60 {
      try FileManager.default.removeItem(
        atPath: run.folder.path + "/data/\(String(format: "%03d", index)).png")
    }
    #expect(await run.train(steps: 1, settings).errors == "")
  }

  /// A corrupt picture is no other data set, whether or not it is still there.
  @Test func corruptPictureDoesNotKeepFromResuming() async throws {
    let run = try SmallRun()
    let picture = URL(fileURLWithPath: run.folder.path + "/data/003.png")
    try Data(contentsOf: picture).dropLast(40).write(to: picture)
    #expect(await run.train(steps: 1).status == 0)
    #expect(await run.train(steps: 2, resume: true).errors == "")
    try FileManager.default.removeItem(at: picture)
    #expect(await run.train(steps: 3, resume: true).errors == "")
  }

  /// What cannot be written to its end leaves what was there, and nothing beside it.
  @Test func failedSaveLeavesThePreviousCheckpoint() async throws {
    let run = try SmallRun()
    #expect(await run.train(steps: 1).status == 0)
    let names = try #require(run.written())
    let model = try run.bytes("quickstart.safetensors")
    // Not before the first step: lavapipe (Mesa 25.0) keeps the device's memory in a file.
    let (status, errors) = try await Program.run(run.arguments(steps: 40, resume: true)) {
      try await waitForStep(2, of: run, $0)
      try Program.limitFiles(of: $0, to: 4_000_000)
    }
    #expect(status == 1)
    #expect(
      errors.contains(
        "error: \(run.out)/quickstart.safetensors: expected a file that can be written to its end, "
          + "found File too large\n"))
    let all = try FileManager.default.contentsOfDirectory(atPath: run.out).sorted()
    #expect(all == names)
    #expect(try run.bytes("quickstart.safetensors") == model)
    #expect(await run.train(steps: 2, resume: true).errors == "")
  }

  @Test func samplesArePicturesWithTheirParameters() async throws {
    let folder = try TemporaryFolder()
    let outcome = await command([
      "sample", "--model", Example.base, "--text-encoders", "synthetic:tiny", "--prompt",
      "a red star", "--negative", "blue", "--width", "64", "--height", "96", "--steps", "2",
      "--seed", "7", "--out", folder.path + "/pictures",
    ])
    #expect(outcome.status == 0)
    let path = folder.path + "/pictures/0000-seed7.png"
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    #expect(bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]))
    // Width and height of the header chunk, big-endian.
    #expect(Array(bytes[16..<24]) == [0, 0, 0, 64, 0, 0, 0, 96])
    let text = String(decoding: bytes, as: UTF8.self)
    #expect(text.contains("parameters\0"))
    #expect(text.contains("a red star\nNegative prompt: blue\nSteps: 2, Sampler: Euler"))
    #expect(text.contains("Seed: 7, Size: 64x96, Model: base"))
  }

  /// A prompt file with sizes and seeds of its own, a prompt of two chunks, a grid and a preview.
  @Test func samplesOfAPromptFile() async throws {
    let folder = try TemporaryFolder()
    let long = [String](repeating: "red star", count: 45).joined(separator: " ")
    let file = try folder.file(
      "prompts.txt",
      "# two pictures\na (red:1.3) star --w 64 --h 96 --d 5 --n blue\n\(long) --s 3 --l 1\n")
    let out = folder.path + "/pictures"
    let outcome = await command([
      "sample", "--model", Example.base, "--text-encoders", "synthetic:tiny", "--prompts", file,
      "--width", "64", "--height", "64", "--steps", "2", "--sampler", "dpmpp_2m", "--grid",
      "--preview", "2", "--guidance-rescale", "0.5", "--out", out,
    ])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let names = try FileManager.default.contentsOfDirectory(atPath: out).sorted()
    #expect(names == ["0000-seed5.png", "0001-seed0.png", "0002-grid.png", "preview.png"])
    func picture(_ name: String) throws -> (size: [UInt8], text: String) {
      let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(out)/\(name)"))
      return (Array(bytes[16..<24]), String(decoding: bytes, as: UTF8.self))
    }
    #expect(try picture("0000-seed5.png").size == [0, 0, 0, 64, 0, 0, 0, 96])
    #expect(
      try picture("0000-seed5.png").text.contains(
        "a (red:1.3) star\nNegative prompt: blue\nSteps: 2, Sampler: DPM++ 2M, CFG scale: 5.0, "
          + "Seed: 5"))
    #expect(
      try picture("0001-seed0.png").text.contains("Steps: 3, Sampler: DPM++ 2M, CFG scale: 1"))
    // Two columns of 64 and one row of 96, with gaps of 4.
    #expect(try picture("0002-grid.png").size == [0, 0, 0, 140, 0, 0, 0, 104])
    #expect(try picture("preview.png").size == [0, 0, 0, 64, 0, 0, 0, 64])
  }

  /// Pictures while training: a prompt file, a sampler, long captions in chunks.
  @Test func picturesWhileTraining() async throws {
    let run = try SmallRun()
    let file = try run.folder.file("prompts.txt", "a [red] star --w 64 --h 64 --s 2 --d 3\n")
    let long = [String](repeating: "red star", count: 45).joined(separator: " ")
    try long.write(toFile: run.folder.path + "/data/000.txt", atomically: true, encoding: .utf8)
    let outcome = await run.train(
      steps: 2,
      [
        "output.prompts=\(file)", "output.sample_every=1", "output.sampler=heun",
        "output.guidance_rescale=0.7", "data.max_caption_chunks=2",
      ])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let pictures = try FileManager.default.contentsOfDirectory(atPath: run.out + "/samples")
    #expect(pictures.count == 2)
  }

  @Test(arguments: [([], 4096), (["--terminal-sigma", "20000"], 20000)] as [([String], Float)])
  func forwardSampleStartsAtTheTerminalSigma(options: [String], sigma: Float) async throws {
    let folder = try TemporaryFolder()
    let (inputs, out) = (folder.path + "/in.safetensors", folder.path + "/out.safetensors")
    try SafetensorsWriter.write(ForwardFile.tensors(), to: inputs)
    expectDone(
      await command(
        [
          "forward", "sample", "--prediction", "v", "--ztsnr", "--steps", "2", "--model",
          Example.base, "--inputs", inputs, "--out", out,
        ] + options))
    #expect(try Safetensors(path: out).floats("sigmas").first == sigma)
  }

  /// noisy = (1 - t) x + t n, target = n - x, loss = mean (prediction - target)^2.
  @Test func forwardLossIsItsDefinition() async throws {
    let folder = try TemporaryFolder()
    let (inputs, out) = (folder.path + "/in.safetensors", folder.path + "/out.safetensors")
    let tensors = ForwardFile.tensors()
    try SafetensorsWriter.write(tensors, to: inputs)
    let outcome = await command([
      "forward", "loss", "--objective", "flow", "--gradients", "--model", Example.base,
      "--inputs", inputs, "--out", out,
    ])
    expectDone(outcome)
    let file = try Safetensors(path: out)
    let given = try Safetensors(path: inputs)
    let (x, n) = (try given.floats("latents"), try given.floats("noise"))
    let (noisy, target) = (try file.floats("noisy"), try file.floats("target"))
    let prediction = try file.floats("prediction")
    var sum = 0.0
    for index in x.indices {
      #expect(abs(noisy[index] - (0.75 * x[index] + 0.25 * n[index])) < 1e-6)
      #expect(abs(target[index] - (n[index] - x[index])) < 1e-6)
      sum += Double(prediction[index] - target[index]) * Double(prediction[index] - target[index])
    }
    let loss = Double(try #require(try file.floats("loss").first))
    #expect(abs(loss - sum / Double(x.count)) < 1e-5 * loss)
    let model = try Safetensors(path: Example.base)
    let names = model.entries.filter { $0.name.hasPrefix(CheckpointPart.unet.prefix) }
    #expect(file.entries.filter { $0.name.hasPrefix("grad.") }.count == names.count)
    for entry in names { #expect(try file.entry("grad." + entry.name).shape == entry.shape) }
    try await expectNorms(of: file, inputs: inputs, out: folder.path + "/norms.safetensors")
  }

  /// The norms alone are those of the gradients.
  private func expectNorms(of file: Safetensors, inputs: String, out: String) async throws {
    let outcome = await command([
      "forward", "loss", "--objective", "flow", "--gradient-norms", "--model", Example.base,
      "--inputs", inputs, "--out", out,
    ])
    expectDone(outcome)
    let norms = try Safetensors(path: out)
    #expect(try norms.floats("loss") == file.floats("loss"))
    var sum = 0.0
    for entry in file.entries where entry.name.hasPrefix("grad.") {
      let squares = try file.floats(entry).reduce(0.0) { $0 + Double($1) * Double($1) }
      let norm = try norms.doubles("norm." + entry.name.dropFirst("grad.".count))
      #expect(abs(norm[0] - squares.squareRoot()) <= 1e-5 * norm[0], "\(entry.name)")
      sum += squares
    }
    let norm = try norms.doubles("gradient_norm")[0]
    #expect(norm > 0 && abs(norm - sum.squareRoot()) < 1e-5 * norm)
    #expect(!norms.entries.contains { $0.name.hasPrefix("grad.") })
    for optimizer in ["adamw8bit", "adafactor"] {
      try await expectStep(of: norms, optimizer, inputs: inputs, out: file.path)
    }
  }

  /// A whole step has the loss and the gradients of the loss alone, and updates.
  private func expectStep(
    of norms: Safetensors, _ optimizer: String, inputs: String, out: String
  ) async throws {
    let outcome = await command([
      "forward", "step", "--objective", "flow", "--optimizer", optimizer, "--model", Example.base,
      "--inputs", inputs, "--out", out,
    ])
    expectDone(outcome)
    let step = try Safetensors(path: out)
    for entry in norms.entries where !["prediction", "noisy", "target"].contains(entry.name) {
      let (found, expected) = (try step.doubles(entry.name)[0], try norms.doubles(entry.name)[0])
      #expect(abs(found - expected) <= 1e-6 * expected, "\(entry.name)")
    }
    #expect(try step.floats("step") == [1])
    let (bytes, planned) = (try step.floats("bytes")[0], try step.floats("planned_bytes")[0])
    #expect(bytes > 0 && bytes == planned)
  }

  @Test(arguments: [
    (["--precision", "f16"], "--precision: expected f32, or bf16"),
    (["--optimizer", "prodigy"], "--optimizer: expected one that updates each parameter"),
  ])
  func forwardStepNamesWhatItCannotDo(options: [String], message: String) async throws {
    let folder = try TemporaryFolder()
    let inputs = folder.path + "/in.safetensors"
    try SafetensorsWriter.write(ForwardFile.tensors(), to: inputs)
    let outcome = await command(
      [
        "forward", "step", "--objective", "flow", "--model", Example.base, "--inputs", inputs,
        "--out", folder.path + "/out.safetensors",
      ] + options)
    #expect(outcome.status != 0)
    #expect(outcome.errors.contains(message), "\(outcome.errors)")
  }
}

/// Status 0, and nothing told on either stream of the command's own.
private func expectDone(
  _ outcome: ShellOutcome, sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(outcome.status == 0, sourceLocation: sourceLocation)
  #expect(outcome.output + outcome.errors == "", sourceLocation: sourceLocation)
}

/// Inputs of `vkxl forward` that suit the bundled model.
enum ForwardFile {
  static func tensors(_ changes: [String: [Int]?] = [:]) -> [NamedTensor] {
    let shapes: [(String, [Int])] = [
      ("sample", [1, 4, 8, 8]), ("latents", [1, 4, 8, 8]), ("noise", [1, 4, 8, 8]),
      ("timestep", [1]), ("time", [1]), ("context", [1, 77, 192]), ("pooled", [1, 128]),
      ("time_ids", [1, 6]), ("image", [1, 3, 16, 16]),
    ]
    return shapes.compactMap { name, usual in
      guard let shape = changes[name, default: usual] else { return nil }
      let values = (0..<shape.reduce(1, *)).map { sin(Float($0) * 0.7 + Float(name.utf8.count)) }
      return (name, shape, name == "time" ? values.map { _ in 0.25 } : values)
    }
  }
}
