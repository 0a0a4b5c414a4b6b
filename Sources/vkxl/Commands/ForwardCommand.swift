import ArgumentParser
import Model
import Train

/// `vkxl forward`: single computations on tensors from a file.
struct ForwardCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "forward",
    abstract: "Compute one part of the model on given tensors, for cross-checks.",
    discussion: """
      Reads the named inputs from a safetensors file and writes the outputs to another, both in \
      float32 and in the layouts of single-file checkpoints (pictures and latents NCHW), to be \
      compared with another implementation.

      Example:
        vkxl forward unet --model tiny.safetensors --inputs in.safetensors \\
          --out out.safetensors
      """,
    subcommands: [
      ForwardUNet.self, ForwardText.self, ForwardVAEEncode.self, ForwardVAEDecode.self,
      ForwardLoss.self, ForwardStep.self, ForwardSample.self,
    ])
}

/// Options of every `vkxl forward` kind.
struct ForwardOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The checkpoint, a safetensors file.", valueName: "file"))
  var model: String

  @Option(help: ArgumentHelp("Inputs, a safetensors file.", valueName: "file"))
  var inputs: String

  @Option(help: ArgumentHelp("Outputs, the safetensors file to write.", valueName: "file"))
  var out: String

  @Option(help: "Storage of the UNet's weights and activations; text encoders and VAE are f32.")
  var precision: Precision = .f32
  @OptionGroup var device: DeviceOptions
  @OptionGroup var log: LogOptions

  /// - Throws: `InputError` naming the first file that cannot be right.
  func checkFiles() throws {
    try OptionCheck.requireFile("--model", model, "a checkpoint file")
    try OptionCheck.requireFile("--inputs", inputs, "a safetensors file")
    try OptionCheck.requireWritable("--out", out)
  }
}

/// `vkxl forward unet`
struct ForwardUNet: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unet",
    abstract: "sample, timestep, context, pooled, time_ids -> prediction",
    discussion: """
      sample [N, 4, H, W], timestep [N] (0 to 1000, may be a fraction), context [N, 77, C], \
      pooled [N, P], time_ids [N, 6] -> prediction [N, 4, H, W].
      """)

  @OptionGroup var options: ForwardOptions

  func run() throws {
    try options.checkFiles()
    try compute()
  }
}

/// `vkxl forward text`
struct ForwardText: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "text",
    abstract: "ids1, ids2 -> hidden1, hidden2, pooled, context",
    discussion: """
      ids1 and ids2 [N, 77] are the token ids of text encoders 1 and 2 (padded with 49407 and 0); \
      hidden1 and hidden2 are the states before the last layer, context their concatenation.
      """)

  @OptionGroup var options: ForwardOptions

  func run() throws {
    try options.checkFiles()
    try compute()
  }
}

/// `vkxl forward vae-encode`
struct ForwardVAEEncode: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vae-encode",
    abstract: "image -> mean, logvar",
    discussion: """
      image [N, 3, H, W] in [-1, 1] -> mean and logvar [N, 4, H/8, W/8], not scaled, logvar \
      clamped to [-30, 20].
      """)

  @OptionGroup var options: ForwardOptions

  func run() throws {
    try options.checkFiles()
    try compute()
  }
}

/// `vkxl forward vae-decode`
struct ForwardVAEDecode: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vae-decode",
    abstract: "latents -> decoded",
    discussion: """
      latents [N, 4, H, W], already divided by the scaling factor -> decoded [N, 3, 8 H, 8 W], \
      not clamped.
      """)

  @OptionGroup var options: ForwardOptions

  func run() throws {
    try options.checkFiles()
    try compute()
  }
}

/// `vkxl forward loss`
struct ForwardLoss: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "loss",
    abstract: "latents, noise, time, context, pooled, time_ids -> loss, prediction, noisy, target",
    discussion: """
      With --gradients also grad.NAME for every UNet parameter, by its name in the checkpoint; with \
      --gradient-norms norm.NAME, its norm, and gradient_norm, that of all, in far less memory. \
      time is t in (0, 1) for flow and the timestep index for v and epsilon.
      """)

  @Option(help: "What the UNet predicts; eps is epsilon.")
  var objective: PredictionType

  @Flag(help: "Zero terminal SNR schedule, for v.")
  var ztsnr = false

  @Flag(help: "Write the gradient of every UNet parameter too.")
  var gradients = false

  @Flag(help: "Write the norm of every UNet parameter's gradient; each is freed as it is done.")
  var gradientNorms = false

  @OptionGroup var options: ForwardOptions

  func validate() throws {
    if gradients && gradientNorms {
      throw ValidationError("--gradient-norms goes without --gradients, which has all of it")
    }
  }

  func run() throws {
    try options.checkFiles()
    try OptionCheck.requireConsistent(prediction: objective, ztsnr: ztsnr)
    try compute()
  }
}

/// `vkxl forward step`
struct ForwardStep: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "step",
    abstract: "latents, noise, time, context, pooled, time_ids -> loss, gradient_norm, norm.NAME",
    discussion: """
      A whole training step, in the memory that training takes: each parameter is updated as soon as \
      its gradient is there, which is then freed; nothing is clipped. norm.NAME is the norm of each \
      parameter's gradient, gradient_norm that of all; step is 1 when the update was made, 0 when it \
      was skipped; bytes and planned_bytes are those \
      allocated on the device and those planned for it. The updated model is not kept.
      """)

  @Option(help: "What the UNet predicts; eps is epsilon.")
  var objective: PredictionType

  @Flag(help: "Zero terminal SNR schedule, for v.")
  var ztsnr = false

  @Option(help: "The update rule, with the settings that training takes by default.")
  var optimizer: OptimizerType = .adamW8Bit

  @OptionGroup var options: ForwardOptions

  func run() throws {
    try options.checkFiles()
    try OptionCheck.requireConsistent(prediction: objective, ztsnr: ztsnr)
    try compute()
  }
}

/// `vkxl forward sample`
struct ForwardSample: ParsableCommand {
  /// Where a sampler's times and sigmas come from.
  enum Table: String, CaseIterable, ExpressibleByArgument, Sendable {
    /// From --spacing, --steps, --ztsnr and --shift.
    case computed
    /// From `timesteps` and `sigmas` of the input file.
    case given
  }

  static let configuration = CommandConfiguration(
    commandName: "sample",
    abstract: "noise, context, pooled, time_ids -> latents, timesteps, sigmas",
    discussion: """
      noise is unit normal; no guidance. With --table given, timesteps and sigmas are taken from \
      the input file instead of computed (for heun also with all but the ends twice, as diffusers \
      has them). Samplers that add noise take step_noise [steps, N, 4, H, W] from the input file \
      if it is there.
      """)

  @Option(help: "What the model predicts.")
  var prediction: PredictionType

  @Option(help: ArgumentHelp("Sampler steps, 1 to 1000.", valueName: "count"))
  var steps = 10

  @Option(help: "Times and sigmas: computed here, or given by the input file.")
  var table: Table = .computed

  @OptionGroup var sampling: SamplerOptions
  @OptionGroup var options: ForwardOptions

  func run() throws {
    try options.checkFiles()
    try OptionCheck.require("--steps", steps, in: 1...1000)
    try sampling.check(prediction: prediction, zeroTerminalSNR: sampling.ztsnr)
    try compute()
  }
}
