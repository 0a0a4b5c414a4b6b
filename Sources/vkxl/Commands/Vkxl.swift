import ArgumentParser

/// The program's command line.
struct Vkxl: ParsableCommand {
  /// Written in checkpoints' metadata too.
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "vkxl",
    abstract: "Train SDXL on any Vulkan GPU, from one program.",
    discussion: """
      A first run:
        vkxl devices                                  what can be computed on
        vkxl inspect sd_xl_base_1.0.safetensors       what a checkpoint is
        vkxl plan --config Examples/sdxl-flow.yaml    the memory that a run needs
        vkxl train --config Examples/sdxl-flow.yaml   fine-tune it
        vkxl sample --model tuned.safetensors --prompt "a red fox" --out pictures

      Without a GPU everything also runs on the CPU through Mesa's lavapipe, slowly.

      Every key of the configuration file: vkxl config-reference

      Exit status: 0 done, 1 a mistake in the input or a failure (told on standard error), \
      64 bad usage, 130 or 143 stopped at once by a second Ctrl-C or signal.
      """,
    version: version,
    subcommands: [
      DevicesCommand.self, InitCommand.self, InspectCommand.self, TrainCommand.self,
      PlanCommand.self, SampleCommand.self, TokenizeCommand.self, VerifyCommand.self,
      BenchCommand.self, ExperimentCommand.self,
      ForwardCommand.self, ConfigReferenceCommand.self, KernelStatisticsCommand.self,
    ])
}

/// `vkxl config-reference`: the page made from the table of keys.
struct ConfigReferenceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config-reference",
    abstract: "Print every key of the configuration file: type, unit, default, meaning.",
    discussion: "Documentation/Configuration.md is this text.")

  func run() throws {
    throw CleanExit.message(String(ConfigurationReference.markdown.dropLast()))
  }
}
