import ArgumentParser
import Foundation
import Graph
import Train

/// `vkxl sample`
struct SampleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sample",
    abstract: "Draw pictures with a checkpoint.",
    discussion: """
      Writes PNG files with all parameters in a text chunk. The same seed gives the same picture \
      on every run, in batches of the same size to the bit; picture number n of --count uses \
      seed + n.

      In prompts (word) counts 1.1 times, (word:1.3) 1.3 times, [word] 1/1.1 times; \\( is a \
      bracket. A prompt of more than 75 tokens goes on in further chunks of 75. A prompt file has \
      one prompt a line, with --n NEGATIVE --w WIDTH --h HEIGHT --s STEPS --l GUIDANCE --d SEED \
      after it where they differ.

      Examples:
        vkxl sample --model m.safetensors --prompt "a red fox in snow" --out pictures
        vkxl sample --model m.safetensors --prompt "a fox" --prompt "a crow" \\
          --negative blurry --width 1216 --height 832 --steps 30 --guidance 6 \\
          --seed 7 --count 2 --out pictures
      """)

  @Option(help: ArgumentHelp("The checkpoint, a safetensors file.", valueName: "file"))
  var model: String

  @Option(
    help: ArgumentHelp(
      "Where the text encoders are: another checkpoint, or synthetic:tiny|odd|full.",
      discussion: "Default: the model's own file.", valueName: "file"))
  var textEncoders: String?

  @Option(help: ArgumentHelp("What the picture shows; may be repeated.", valueName: "text"))
  var prompt: [String] = []

  @Option(
    help: ArgumentHelp(
      "A text file of prompts, one a line, with flags as kohya's scripts know them.",
      valueName: "file"))
  var prompts: String?

  @Option(help: ArgumentHelp("What it does not show.", valueName: "text"))
  var negative = ""

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Width in pixels, a multiple of 8.", valueName: "pixels"))
  var width = 1024

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Height in pixels, a multiple of 8.", valueName: "pixels"))
  var height = 1024

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Sampler steps, 1 to 1000.", valueName: "count"))
  var steps = 28

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Classifier-free guidance scale; 1 turns guidance off.", valueName: "scale"))
  var guidance = 5.0

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Share of guidance rescaled to the prediction's own contrast, 0 to 1.",
      discussion: "0.7 suits zero terminal SNR.", valueName: "share"))
  var guidanceRescale = 0.0

  @Option(help: ArgumentHelp("Seed of the first picture's noise.", valueName: "number"))
  var seed: UInt32 = 0

  @Option(
    help: ArgumentHelp(
      "What the model predicts.",
      discussion: "auto reads the checkpoint's markers, zero terminal SNR and shift too; without "
        + "any it is epsilon.",
      valueName: "prediction"))
  var prediction: PredictionChoice = .auto

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Pictures of each prompt.", valueName: "number"))
  var count = 1

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Pictures drawn at once, where size, steps and whether they are guided agree.",
      discussion:
        "Default: up to 8, as many as fit into the memory that is free. A picture is the same "
        + "in every batch, up to rounding where the device has other kernels for larger batches.",
      valueName: "number"))
  var batch: Int?

  @Flag(help: "Write one picture with all of them in rows too.")
  var grid = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Steps after which preview.png is written anew: the pictures of the batch as they stand.",
      discussion: "The VAE is then on the device together with the UNet.", valueName: "count"))
  var preview: Int?

  @Option(
    help: ArgumentHelp("Folder to write PNG files to; made when missing.", valueName: "folder"))
  var out: String

  @OptionGroup var sampling: SamplerOptions
  @OptionGroup var precision: PrecisionOptions
  @OptionGroup var device: DeviceOptions
  @OptionGroup var log: LogOptions

  /// - Throws: `InputError` naming the first option that cannot be right.
  func checkOptions() throws {
    try OptionCheck.requireFile("--model", model, "a checkpoint file")
    if let prompts { try OptionCheck.requireFile("--prompts", prompts, "a text file of prompts") }
    if prompt.isEmpty, prompts == nil {
      throw InputError(
        "--prompt", expected: "at least one prompt", found: "none",
        hint: "or name a file of prompts with --prompts")
    }
    if let preview { try OptionCheck.require("--preview", preview, in: 1...1000, unit: "steps") }
    try OptionCheck.requireSide("--width", width)
    try OptionCheck.requireSide("--height", height)
    try OptionCheck.require("--steps", steps, in: 1...1000)
    try OptionCheck.require("--guidance", guidance, in: 0...1000)
    try OptionCheck.require("--guidance-rescale", guidanceRescale, in: 0...1)
    try OptionCheck.require("--count", count, in: 1...10_000, unit: "pictures")
    if let batch { try OptionCheck.require("--batch", batch, in: 1...1024, unit: "pictures") }
    try sampling.check(
      prediction: prediction.objective, zeroTerminalSNR: prediction == .auto ? nil : sampling.ztsnr)
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: out, isDirectory: &isFolder), !isFolder.boolValue {
      throw InputError("--out \(out)", expected: "a folder", found: "a file")
    }
  }

  func run() throws {
    try checkOptions()
    try draw()
  }
}
