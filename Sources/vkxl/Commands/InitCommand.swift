import ArgumentParser
import Model

/// `vkxl init`
struct InitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Write a synthetic checkpoint with SDXL's layout (for tests, not for pictures).",
    discussion: """
      Every weight follows from its name, its index and the seed alone, so the same command gives \
      the same bytes on every machine. `tiny` and `odd` are small models for tests; `full` has \
      SDXL's own shapes (6.9 GB as float16) and is streamed in under 1 GB of memory.

      Example:
        vkxl init --size tiny --out tiny.safetensors
      """)

  @Option(help: "Widths and depths of the model.")
  var size: SyntheticSize

  @Option(help: "Seed of the weights, 0 or more.")
  var seed: UInt64 = 0

  @Option(help: ArgumentHelp("The safetensors file to write.", valueName: "file"))
  var out: String

  @Flag(help: "Overwrite the file if there is one.")
  var force = false

  @OptionGroup var log: LogOptions

  func run() throws {
    try OptionCheck.requireWritable("--out", out)
    if !force { try OptionCheck.requireNew("--out", out) }
    let configuration = (SyntheticCheckpoint.Size(rawValue: size.rawValue) ?? .tiny).configuration
    try SyntheticCheckpoint.write(configuration, seed: seed, to: out)
  }
}
