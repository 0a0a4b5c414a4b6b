import ArgumentParser

/// `vkxl train`
struct TrainCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Fine-tune a checkpoint on a folder of captioned images.",
    discussion: """
      Everything is told by a YAML file (see `vkxl config-reference` and Examples/); --set changes \
      single keys of it. Ctrl-C or SIGTERM finishes the step, saves a checkpoint and ends with \
      status 0, before the first step with what is cached; a second one stops at once. --resume \
      continues from the newest checkpoint of output.folder, to the bit.

      Examples:
        vkxl train --config Examples/quickstart.yaml
        vkxl train --config run.yaml --set training.batch_size=2
        vkxl train --config run.yaml --resume
      """)

  @Option(help: ArgumentHelp("The configuration file, YAML.", valueName: "file"))
  var config: String

  @Option(
    help: ArgumentHelp(
      "Override one key of the file; may be repeated.",
      discussion: "The value is YAML; `null` means the key's default. Relative paths count from "
        + "the current folder.", valueName: "path.to.key=value"))
  var set: [String] = []

  @Flag(help: "Continue the run in output.folder from its newest checkpoint.")
  var resume = false

  @OptionGroup var device: DeviceOptions
  @OptionGroup var log: LogOptions

  /// The configuration with `--set`, `--device` and `--validate` applied, its input files seen.
  ///
  /// - Throws: `InputErrors`.
  func loadConfiguration() throws -> Configuration {
    var configuration = try Configuration.load(file: config, overrides: set)
    if let name = device.device { configuration.device.name = name }
    if device.validate { configuration.device.validate = true }
    try configuration.checkFiles()
    return configuration
  }

  func run() async throws { try await train() }
}
