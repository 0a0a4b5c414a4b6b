import ArgumentParser
import Foundation
import Graph
import Logging
import Model
import Shaders
import Train

/// `--verbose`, for every command.
struct LogOptions: ParsableArguments {
  @Flag(name: [.short, .long], help: "Tell more: planning, kernels, files read and written.")
  var verbose = false

  /// A logger that hands finished lines to `write`; debug lines only with `--verbose`.
  func logger(write: @escaping @Sendable (String) -> Void) -> Logger {
    let level: Logger.Level = verbose ? .debug : .info
    return Logger(label: "vkxl") { _ in TerminalLogHandler(logLevel: level, write: write) }
  }
}

/// `--device` and `--validate`, for commands that compute.
struct DeviceOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Vulkan device: its index or part of its name, as `vkxl devices` prints them.",
      discussion: "Default: the first discrete device, else the first.",
      valueName: "index|name"))
  var device: String?

  @Flag(help: "Run under the Vulkan validation layer (slow; for debugging).")
  var validate = false
}

/// `--precision`, for commands that run the UNet outside training.
struct PrecisionOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Storage of the UNet's weights and activations.",
      discussion: "auto: bf16 on GPUs with matrix units for it, f16 on others, f32 on CPUs."))
  var precision: Precision = .auto

  /// - Throws: `InputError` when the device cannot store so.
  func storage(on backend: VulkanBackend) throws -> UNetStorage {
    try precision.storage(on: backend.device.information, place: "--precision")
  }
}

extension Precision: ExpressibleByArgument {}

extension OptimizerType: ExpressibleByArgument {}

extension PredictionType: ExpressibleByArgument {
  /// `eps` is short for `epsilon`.
  public init?(argument: String) {
    self.init(rawValue: argument == "eps" ? "epsilon" : argument)
  }
}

/// What a model predicts, or `auto`: read from its markers.
enum PredictionChoice: String, CaseIterable, ExpressibleByArgument, Sendable {
  case auto, epsilon, v, flow

  init?(argument: String) {
    self.init(rawValue: argument == "eps" ? "epsilon" : argument)
  }

  /// Nil for `auto`.
  var objective: PredictionType? { PredictionType(rawValue: rawValue) }
}

/// Sizes of synthetic checkpoints.
enum SyntheticSize: String, CaseIterable, ExpressibleByArgument, Sendable { case tiny, odd, full }

/// Checks of option values that name the option when they fail.
enum OptionCheck {
  /// - Throws: `InputError` unless `file` is a file.
  static func requireFile(_ option: String, _ file: String, _ expected: String) throws {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: file, isDirectory: &isFolder) else {
      throw InputError(
        "\(option) \(file)", expected: expected, found: "no such file",
        hint: "check the path; relative ones count from the current folder")
    }
    guard !isFolder.boolValue else {
      throw InputError("\(option) \(file)", expected: expected, found: "a folder")
    }
  }

  /// - Throws: `InputError` if `file` is a folder or its folder is missing or cannot be written.
  static func requireWritable(_ option: String, _ file: String) throws {
    let place = "\(option) \(file)"
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: file, isDirectory: &isFolder), isFolder.boolValue {
      throw InputError(place, expected: "a file to write", found: "a folder")
    }
    let folder = URL(fileURLWithPath: file).deletingLastPathComponent().path
    guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder),
      isFolder.boolValue
    else {
      throw InputError(
        place, expected: "a file in an existing folder", found: "no folder \(folder)",
        hint: "make it first: mkdir -p \(folder)")
    }
    guard FileManager.default.isWritableFile(atPath: folder) else {
      throw InputError(
        place, expected: "a writable folder", found: "\(folder), which may not be written",
        hint: "name a file in a folder of yours")
    }
  }

  /// - Throws: `InputError` if there is something of that name already.
  static func requireNew(_ option: String, _ file: String) throws {
    guard FileManager.default.fileExists(atPath: file) else { return }
    throw InputError(
      "\(option) \(file)", expected: "a new file", found: "one of that name",
      hint: "name another, or overwrite it with --force")
  }

  /// - Throws: `InputError` unless `value` lies in `range`.
  static func require<Value: Comparable>(
    _ option: String, _ value: Value, in range: ClosedRange<Value>, unit: String = ""
  ) throws {
    guard range.contains(value) else {
      let suffix = unit.isEmpty ? "" : " \(unit)"
      throw InputError(
        option, expected: "\(range.lowerBound) to \(range.upperBound)\(suffix)",
        found: "\(value)")
    }
  }

  /// - Throws: `InputError` unless `value` is a picture side: a multiple of 8 pixels.
  static func requireSide(_ option: String, _ value: Int) throws {
    try require(option, value, in: 8...8192, unit: "pixels")
    guard value.isMultiple(of: 8) else {
      throw InputError(
        option, expected: "a multiple of 8 pixels (one latent pixel)", found: "\(value)",
        hint: "use \(max(8, value / 8 * 8)) or \(value / 8 * 8 + 8)")
    }
  }

  /// - Throws: `InputError` when zero terminal SNR does not go with what the model predicts.
  static func requireConsistent(prediction: PredictionType, ztsnr: Bool) throws {
    guard ztsnr, prediction != .v else { return }
    throw InputError(
      "--ztsnr", expected: "prediction v", found: prediction.rawValue,
      hint: prediction == .epsilon
        ? "at zero SNR the input is the noise itself, so epsilon says nothing there"
        : "flow already ends in pure noise and has no schedule to rescale")
  }
}
