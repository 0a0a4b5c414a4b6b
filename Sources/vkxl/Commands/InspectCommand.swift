import ArgumentParser
import Model

/// `vkxl inspect`
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Tell what a checkpoint is.",
    discussion: """
      Prints its layout, widths and depths, parameters of each part (UNet, VAE, text encoders), \
      dtypes, what it predicts (epsilon, v, v with zero terminal SNR, flow) and its metadata. Only \
      the file's header is read.

      Example:
        vkxl inspect sd_xl_base_1.0.safetensors
      """)

  @Argument(help: "The safetensors file.")
  var file: String

  @OptionGroup var log: LogOptions

  func run() throws {
    try OptionCheck.requireFile("inspect", file, "a safetensors file")
    let inspection = try CheckpointInspection(path: file)
    Shell.writeText("\(inspection)\n", to: .standardOutput)
  }
}
