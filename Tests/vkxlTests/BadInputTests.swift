import Foundation
import Model
import Testing

@testable import vkxl

/// What users get wrong, through the real command line: an error that says so, and nothing written.
@Suite(.serialized) struct BadInputTests {
  // MARK: Checkpoints

  /// A safetensors file by its header, claimed header length and bytes of data.
  struct RawFile: Sendable {
    var header: String
    var claimed: UInt64?
    var dataCount: Int

    var bytes: Data {
      var bytes = Data()
      withUnsafeBytes(of: (claimed ?? UInt64(header.utf8.count)).littleEndian) {
        bytes.append(contentsOf: $0)
      }
      return bytes + Data(header.utf8) + Data(count: dataCount)
    }
  }

  static let damaged: [(RawFile, String)] = [
    (
      RawFile(header: #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, dataCount: 5),
      "a: expected 8 bytes of tensor data, found 5 bytes\nhint: the file is truncated"
    ),
    (
      RawFile(header: "{}", claimed: 1 << 40, dataCount: 8),
      "expected a header of at most 100000000 bytes, found 1099511627776 bytes\nhint: "
    ),
    (
      RawFile(header: "{}", claimed: 500, dataCount: 8),
      "expected a header of 500 bytes, found 10 bytes\nhint: the file is truncated"
    ),
    (
      RawFile(
        header: #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"#
          + #""b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#, dataCount: 12),
      "b: expected data_offsets that begin at 8, found 4, overlapping the tensor before\nhint: "
    ),
    (
      RawFile(header: #"{"a":{"dtype":"Q7","shape":[2],"data_offsets":[0,8]}}"#, dataCount: 8),
      "found dtype `Q7`\nhint: "
    ),
    (
      RawFile(header: #"{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,8]}}"#, dataCount: 8),
      "a: expected 4 bytes for F16 [2], found 8 bytes between its data_offsets\nhint: "
    ),
    (
      RawFile(header: "hello", dataCount: 8),
      "expected a safetensors header with `{`, found `h` at byte 0 of the header\nhint: "
    ),
    (
      RawFile(header: #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, dataCount: 8),
      "expected an SDXL checkpoint in the single-file layout, found another model: 1 tensors "
        + "such as `a`\nhint: "
    ),
  ]

  @Test(arguments: damaged)
  func damagedCheckpoint(_ file: RawFile, _ message: String) async throws {
    let run = try SmallRun(pictures: 1)
    let path = run.folder.path + "/bad.safetensors"
    try file.bytes.write(to: URL(fileURLWithPath: path))
    expectError(await run.train(["model.checkpoint=\(path)"]), message)
    #expect(run.written() == nil)
  }

  @Test func checkpointOfAnotherKind() async throws {
    let run = try SmallRun(pictures: 1)
    let path = run.folder.path + "/bad.safetensors"
    func outcome(_ change: (NamedTensor) -> NamedTensor?) async throws -> ShellOutcome {
      try Example.checkpoint(to: path, change)
      return await run.train(["model.checkpoint=\(path)"])
    }
    expectError(
      try await outcome { $0.name.hasPrefix(CheckpointPart.vae.prefix) ? nil : $0 },
      "\(path): expected VAE (`first_stage_model....`), found only UNet\nhint: ")
    let first = "model.diffusion_model.input_blocks.0.0.weight"
    expectError(
      try await outcome { tensor in
        guard tensor.name == first else { return tensor }
        let shape = [tensor.shape[0], 9, 3, 3]
        return (first, shape, [Float](repeating: 0, count: shape.reduce(1, *)))
      },
      "\(path): expected a UNet that takes and predicts 4 latent channels, found 9 in, 4 out\n"
        + "hint: inpainting")
    expectError(
      try await outcome { $0.name == "model.diffusion_model.out.2.bias" ? nil : $0 },
      "\(path): expected the tensors of an SDXL checkpoint, found 1 missing: "
        + "missing: model.diffusion_model.out.2.bias [4]\nhint: ")
    expectError(
      await run.train(["model.text_encoders=null"]),
      "\(Example.base): expected text encoder 1 (`conditioner.embedders.0.transformer....`), "
        + "text encoder 2 (`conditioner.embedders.1.model....`), found only UNet, VAE\n"
        + "hint: name a checkpoint that has them with model.text_encoders ")
    #expect(run.written() == nil)
  }

  // MARK: Configuration

  @Test(arguments: [
    (
      "optimizer: {type: adamw,\n  learning_rat: 1}", 7,
      "a key of the configuration, "
        + "found `optimizer.learning_rat`\nhint: did you mean `optimizer.learning_rate`?"
    ),
    ("sampling: 1", 6, "a section, found `sampling`\nhint: sections are model, data, "),
    ("optimizer:\n  learning_rate: fast", 7, "a number above 0, found `fast`"),
    ("optimizer:\n\n  learning_rate: -1", 8, "a number above 0, found `-1`"),
    ("optimizer: [", 7, "valid YAML, found "),
  ])
  func configurationLine(_ text: String, _ line: Int, _ message: String) async throws {
    let folder = try TemporaryFolder()
    _ = try folder.file("m.safetensors")
    let yaml = """
      model: {checkpoint: m.safetensors}
      data: {folder: .}
      objective: {type: flow}
      training: {max_steps: 1}
      output: {folder: out}
      \(text)

      """
    let file = try folder.file("run.yaml", yaml)
    let outcome = await command(["train", "--config", file])
    expectError(outcome, "expected \(message)")
    #expect(outcome.errors.hasPrefix("error: \(file):\(line): "))
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/out"))
  }

  @Test(arguments: [
    (
      "data.resolution=72",
      "expected sides in multiples of 32 pixels, as this UNet needs, "
        + "found 72x72\nhint: use 64 or 96"
    ),
    (
      "output.samples=[{prompt: a, width: 72, steps: 1}]",
      "expected sides in multiples of 32 pixels, as this UNet needs, found 72x64\nhint: "
    ),
    (
      "device.name=nowhere",
      "device.name: expected the index or part of the name of a Vulkan "
        + "device, found `nowhere`\nhint: no such Vulkan device; there is: "
    ),
    ("data.cache_folder=/dev/null", "/dev/null: expected a folder, found a file\nhint: "),
    ("data.cache_folder=/proc/vkxl", "/proc/vkxl: expected a folder that can be made, found No "),
  ])
  func settingThatCannotBe(_ setting: String, _ message: String) async throws {
    let run = try SmallRun(pictures: 2)
    expectError(await run.train(["output.grid=true", setting]), message)
    #expect(run.written() == nil)
  }

  @Test func outputThatCannotBeWritten() async throws {
    let run = try SmallRun(pictures: 1)
    let file = try run.folder.file("file")
    expectError(await run.train(out: file), "\(file): expected a folder, found a file\nhint: ")
    expectError(
      await run.train(out: file + "/out"), "\(file)/out: expected a folder that can be made, found "
    )
    expectError(
      await run.train(out: "/proc/vkxl"), "/proc/vkxl: expected a folder that can be made, found ")
  }

  /// A run that failed before its first checkpoint leaves metrics, but nothing to resume from.
  @Test func leftoversWithoutState() async throws {
    let run = try SmallRun(pictures: 1)
    try FileManager.default.createDirectory(atPath: run.out, withIntermediateDirectories: true)
    _ = try run.folder.file("out/metrics.jsonl", "{\"step\": 1}\n")
    expectError(
      await run.train(),
      "found another run's metrics.jsonl\nhint: it saved nothing to resume from: remove it")
    #expect(run.written() == ["metrics.jsonl"])
  }

  // MARK: Pictures

  @Test func picturesThatCannotBeUsed() async throws {
    let run = try SmallRun(pictures: 0)
    let data = run.folder.path + "/data"
    expectError(
      await run.train(),
      "\(data): expected PNG, JPEG or WebP pictures with captions, found no picture in 0 files\n")
    _ = try run.folder.file("data/a.png", "not a picture")
    _ = try run.folder.file("data/a.txt", "a")
    expectError(
      await run.train(),
      "found 1 picture that cannot be used: a.png: bytes of no known picture format\nhint: ")
    let whole = try Data(contentsOf: URL(fileURLWithPath: Example.pictures + "/000.png"))
    let truncated = whole.prefix(whole.count - 60)
    try truncated.write(to: URL(fileURLWithPath: data + "/a.png"))
    for cache in ["data.caption_dropout=0.1", "data.cache_folder=null"] {
      let outcome = await run.train([cache])
      expectError(outcome, "corrupt data: the file ends too early\nhint: copy the damaged ones ")
      #expect(run.written() == nil, "\(cache)")
    }
    try whole.write(to: URL(fileURLWithPath: data + "/b.png"))
    expectError(
      await run.train(),
      "\(data)/b.txt: expected the caption of b.png, found no such file\n"
        + "hint: write it, or set `data.missing_caption` to `skip` or `empty`")
    #expect(run.written() == nil)
    // One good picture is enough; what is left out is named and counted.
    _ = try run.folder.file("data/b.txt", "b")
    let (status, errors) = try await Program.run(run.arguments(steps: 1))
    #expect(status == 0)
    #expect(errors.contains("not used: 1 picture, 0 other files\n"))
    #expect(errors.contains("  a.png: corrupt data: the file ends too early"))
  }

  // MARK: Single computations

  @Test(
    arguments: [
      ("unet", "sample", nil, ": expected a tensor `sample`, found none of that name\nhint: "),
      (
        "unet", "sample", [1, 3, 8, 8], "sample: expected [N, 4, H, W] with H and W multiples of 4"
      ),
      (
        "unet", "sample", [1, 4, 6, 8], "sample: expected [N, 4, H, W] with H and W multiples of 4"
      ),
      ("unet", "sample", [4, 8, 8], "sample: expected 4 dimensions, found shape [4, 8, 8]"),
      (
        "unet", "context", [1, 0, 192],
        "expected shape [1, T, 192], T at least 1, found [1, 0, 192]"
      ),
      (
        "unet", "context", [1, 77, 64],
        "expected shape [1, T, 192], T at least 1, found [1, 77, 64]"
      ),
      ("unet", "pooled", [2, 128], "pooled: expected shape [1, 128], found [2, 128]"),
      ("unet", "timestep", [2], "timestep: expected shape [1], found [2]"),
      (
        "loss", "noise", [1, 4, 8, 16], "noise: expected the shape of latents, found [1, 4, 8, 16]"
      ),
      ("loss", "time", [2], "time: expected 1 numbers from 0.0 to 1.0"),
      ("vae-encode", "image", [1, 3, 12, 16], "with H and W multiples of 8, found shape"),
      ("vae-decode", "latents", [1, 4, 0, 8], "latents: expected [N, 4, H, W], none of them 0"),
    ] as [(String, String, [Int]?, String)])
  func forwardInput(
    _ kind: String, _ name: String, _ shape: [Int]?, _ message: String
  ) async throws {
    let folder = try TemporaryFolder()
    let (inputs, out) = (folder.path + "/in.safetensors", folder.path + "/out.safetensors")
    try SafetensorsWriter.write(ForwardFile.tensors([name: shape]), to: inputs)
    let options = ["--model", Example.base, "--inputs", inputs, "--out", out]
    let objective = kind == "loss" ? ["--objective", "flow"] : []
    let outcome = await command(["forward", kind] + objective + options)
    expectError(outcome, message)
    #expect(outcome.errors.hasPrefix("error: \(inputs): "))
    #expect(!FileManager.default.fileExists(atPath: out))
  }

  @Test(arguments: [
    (["--device", "nowhere"], "--device: expected the index or part of the name of a Vulkan "),
    (["--device", "99"], "found `99`\nhint: no such Vulkan device; there is: "),
    (["--width", "72"], "--width: expected a multiple of 32 pixels, as this UNet needs, found 72"),
    (["--width", "60"], "--width: expected a multiple of 8 pixels (one latent pixel), found 60"),
    (
      ["--text-encoders", "synthetic:odd"],
      "expected text encoders of context width 192 and pooled width 128, as the UNet takes"
    ),
    (
      ["--out", "/dev/null/pictures"],
      "--out /dev/null/pictures: expected a folder that can be made, found Not a directory"
    ),
  ])
  func sampleOption(_ options: [String], _ message: String) async throws {
    let folder = try TemporaryFolder()
    let out = folder.path + "/pictures"
    var all = [
      "--model": Example.base, "--text-encoders": "synthetic:tiny", "--width": "64",
      "--height": "64", "--steps": "1", "--out": out,
    ]
    all[options[0]] = options[1]
    let arguments = all.flatMap { [$0.key, $0.value] }
    expectError(await command(["sample", "--prompt", "a"] + arguments), message)
    #expect(!FileManager.default.fileExists(atPath: out))
  }

  @Test func modelWithoutTextEncoders() async throws {
    let folder = try TemporaryFolder()
    let inputs = try folder.file("in.safetensors")
    let out = folder.path + "/out.safetensors"
    let message = "\(Example.base): expected text encoder 1 "
    expectError(
      await command([
        "forward", "text", "--model", Example.base, "--inputs", inputs, "--out", out,
      ]), message)
    let drawn = await command(["sample", "--prompt", "a", "--model", Example.base, "--out", out])
    expectError(drawn, message)
    expectError(drawn, "hint: name a checkpoint that has them with --text-encoders ")
    #expect(!FileManager.default.fileExists(atPath: out))
  }
}
