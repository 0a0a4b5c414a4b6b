import ArgumentParser
import Data
import Foundation
import Graph
import Model
import Shaders
import Train
import VKRuntime

extension MatrixUnits: ExpressibleByArgument {}

/// `vkxl plan`
struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Tell what memory a run needs, before it starts and without a GPU.",
    discussion: """
      For each bucket: what fills the device when most is in use, what is computed twice to stay \
      within memory.budget, and the largest batch that it holds. Then the ways to treat gradients, and \
      what is on the device in each phase of the run; images and captions are cached before training, \
      whatever the budget. Shapes come from the checkpoint's header; weights are not read. Buckets are \
      those of the images in data.folder, or all of the configuration where there is no such folder. \
      `--matrix-units` decides what `model.precision: auto` is and whether gradients need a loss scale, \
      as Documentation/0004-precision.md says. Scratch memory is what the kernels ask for on a discrete \
      GPU without matrix units; the same plan on a device is told by `vkxl train`.

      Examples:
        vkxl plan --config run.yaml --device-memory 24GiB
        vkxl plan --config run.yaml --size full --set memory.budget=12GiB --plot memory.png
      """)

  @Option(help: ArgumentHelp("The configuration file, YAML.", valueName: "file"))
  var config: String

  @Option(
    help: ArgumentHelp(
      "Override one key of the file; may be repeated.", valueName: "path.to.key=value"))
  var set: [String] = []

  @Option(
    help: ArgumentHelp(
      "Memory of the device; memory.budget: auto takes 92 % of it.", valueName: "amount"))
  var deviceMemory = "24GiB"

  @Option(
    help: ArgumentHelp(
      "A size known by name in place of the checkpoint: tiny, odd, full.", valueName: "size"))
  var size: SyntheticSize?

  @Option(
    help: ArgumentHelp(
      "What the device's matrix units multiply: bf16, f16 (RDNA3), or none.", valueName: "type"))
  var matrixUnits = MatrixUnits.bf16

  @Flag(help: "The device shares the host's memory (integrated GPUs): no staging.")
  var unifiedMemory = false

  @Option(
    help: ArgumentHelp(
      "Only this bucket, as in 1024x1024.", valueName: "WxH"))
  var bucket: String?

  @Option(help: ArgumentHelp("Write everything to this file, as JSON.", valueName: "file"))
  var json: String?

  @Option(
    help: ArgumentHelp(
      "Draw the first bucket's memory over the step to this file, as PNG.", valueName: "file"))
  var plot: String?

  @OptionGroup var log: LogOptions

  func run() throws {
    if let json { try OptionCheck.requireWritable("--json", json) }
    if let plot { try OptionCheck.requireWritable("--plot", plot) }
    guard let memory = ByteCount(deviceMemory) else {
      throw InputError(
        "--device-memory", expected: "an amount with its unit, as in 24GiB",
        found: "`\(deviceMemory)`")
    }
    let configuration = try Configuration.load(file: config, overrides: set)
    let buckets = try buckets(configuration)
    let model = try model(configuration)
    let run = PlannedRun(
      configuration, model: model, textModel: try textModel(configuration, model),
      buckets: buckets, heldOut: try heldOut(configuration, buckets),
      budget: configuration.memory.budget.byteCount(available: memory.bytes),
      deviceByteCount: memory.bytes, matrixUnits: matrixUnits, sharesHostMemory: unifiedMemory)
    for warning in configuration.warnings {
      Terminal.standardError.write("warning: \(warning)\n")
    }
    let (report, steps) = try run.report { Terminal.standardError.write("\($0)\n") }
    Shell.writeText(report.text, to: .standardOutput)
    if let json { try report.write(to: json) }
    if let plot { try PNG.write(try run.chart(steps).image(), to: plot) }
  }

  private func model(_ configuration: Configuration) throws -> SDXLConfiguration {
    if let size = size.flatMap({ SyntheticCheckpoint.Size(rawValue: $0.rawValue) }) {
      return size.configuration
    }
    let path = configuration.model.checkpoint
    guard FileManager.default.fileExists(atPath: path) else {
      throw InputError(
        configuration.source.place(of: "model.checkpoint"), expected: "a checkpoint file",
        found: "nothing at \(path)", hint: "plan a size known by name with --size full")
    }
    let checkpoint = try SDXLCheckpoint(path: path, parts: [.unet])
    for warning in try configuration.checkOrigin(checkpoint.file) {
      Terminal.standardError.write("warning: \(warning)\n")
    }
    return checkpoint.configuration
  }

  /// Nil where there are none to be found: they take no part in training.
  private func textModel(
    _ configuration: Configuration, _ model: SDXLConfiguration
  ) throws -> SDXLConfiguration? {
    var found = model
    switch configuration.model.textEncoders {
    case .checkpoint: break
    case .synthetic(let name) where size == nil:
      found = (SyntheticCheckpoint.Size(rawValue: name) ?? .tiny).configuration
    case .file(let path) where size == nil && FileManager.default.fileExists(atPath: path):
      found = try SDXLCheckpoint(path: path, parts: [.textEncoder1, .textEncoder2]).configuration
    case .synthetic, .file: break
    }
    return found.textEncoder1 == nil || found.textEncoder2 == nil ? nil : found
  }

  /// Buckets of held-out pictures, at most.
  private func heldOut(_ configuration: Configuration, _ buckets: [Bucket]) throws -> [Bucket] {
    guard let folder = configuration.data.validationFolder else {
      return configuration.data.validationFraction > 0 ? buckets : []
    }
    let options = try configuration.datasetOptions()
    guard FileManager.default.fileExists(atPath: folder) else { return buckets }
    return Array(Set(try Dataset(scanning: folder, options: options).samples.map(\.bucket)))
  }

  /// Largest first.
  private func buckets(_ configuration: Configuration) throws -> [Bucket] {
    let all = try configuration.aspectBuckets().buckets
    var isFolder: ObjCBool = false
    let folder = configuration.data.folder
    let isThere = FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder)
    var found = Set(all)
    if let bucket {
      found = found.filter { $0.description == bucket }
      if found.isEmpty {
        throw InputError(
          "--bucket \(bucket)", expected: "a bucket of the configuration",
          found: "none of that size",
          hint: "there are: \(all.map(\.description).joined(separator: ", "))")
      }
    } else if isThere, isFolder.boolValue {
      let options = try configuration.datasetOptions()
      found = Set(try Dataset(scanning: folder, options: options).samples.map(\.bucket))
    }
    return found.sorted {
      ($1.width * $1.height, $0.width) < ($0.width * $0.height, $1.width)
    }
  }
}
