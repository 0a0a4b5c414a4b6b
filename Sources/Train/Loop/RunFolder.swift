import Data
import Foundation
import Graph
import Model

/// What a run must agree on with the one it resumes.
public struct RunIdentity: Sendable, Equatable {
  /// Digest of the weights that training starts from.
  public var model: String
  /// Digest of pictures, captions and repeats.
  public var data: String
  /// Settings that decide the result, one `key: value` a line.
  public var settings: String

  public init(model: String, data: String, settings: String) {
    self.model = model
    self.data = data
    self.settings = settings
  }
}

/// The output folder of a run: checkpoints, states to resume from, metrics, pictures.
///
///     NAME-step00000100.safetensors    the model after 100 updates, in the source's layout
///     NAME.safetensors                 the model at the end
///     state-step00000100.safetensors   parameters, optimizer state, step: what --resume needs
///     metrics.jsonl, config.yaml, samples/
///
/// Files are written beside their place, synced and renamed; an old one survives a full disk.
public struct RunFolder: Sendable {
  /// The folder.
  public let path: String
  /// First part of the models' file names.
  public let name: String

  public init(_ path: String, name: String) {
    self.path = path
    self.name = name
  }

  /// The model after `step` updates.
  public func modelPath(step: Int) -> String {
    "\(path)/\(name)-\(Self.stepText(step)).safetensors"
  }
  /// The model at the end.
  public var finalModelPath: String { "\(path)/\(name).safetensors" }
  /// What --resume needs, after `step` updates.
  public func statePath(step: Int) -> String {
    "\(path)/state-\(Self.stepText(step)).safetensors"
  }
  /// One JSON object a step.
  public var metricsPath: String { "\(path)/metrics.jsonl" }
  /// The samples drawn after `step` updates.
  public func picturePath(step: Int) -> String {
    "\(path)/samples/\(Self.stepText(step)).png"
  }

  /// Steps of which there is a state, in order.
  public var savedSteps: [Int] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.compactMap { name in
      guard name.hasPrefix("state-step"), name.hasSuffix(".safetensors") else { return nil }
      return Int(name.dropFirst("state-step".count).dropLast(".safetensors".count))
    }.sorted()
  }

  /// Makes the folder ready for a new run.
  /// - Throws: `InputError` when it cannot be written or holds another run.
  public func open() throws {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    let ours = names.filter {
      $0.hasPrefix("state-step") || $0 == "metrics.jsonl" || $0 == "\(name).safetensors"
    }
    if let found = ours.sorted().first {
      throw InputError(
        path, expected: "an empty or new output folder", found: "another run's \(found)",
        hint: savedSteps.isEmpty
          ? "it saved nothing to resume from: remove it, or name another output.folder"
          : "continue it with --resume, or name another output.folder")
    }
    try makeFolder()
  }

  /// Makes the folder where it is missing.
  /// - Throws: `InputError` when it cannot be made or written.
  public func makeFolder() throws {
    try Files.makeFolder(path)
    guard access(path, W_OK) == 0 else {
      throw InputError(
        path, expected: "an output folder that can be written",
        found: String(cString: strerror(errno)))
    }
  }

  /// The newest state, which must have begun with the model: asked before anything is computed.
  /// - Throws: `InputError` when there is none, or it is another model's.
  public func checkResumable(model: String) throws {
    guard let step = savedSteps.last else {
      throw InputError(
        path, expected: "a saved state to resume from (state-step*.safetensors)",
        found: "none", hint: "start the run without --resume")
    }
    try SavedState(statePath(step: step)).check(model: model)
  }

  /// - Throws: `InputError` when the newest state is another run's.
  public func checkResumable(_ identity: RunIdentity) throws {
    guard let step = savedSteps.last else { return }
    try SavedState(statePath(step: step)).check(identity)
  }

  /// Whether the newest state names this data set.
  func isSaved(withData fingerprint: String) throws -> Bool {
    guard let step = savedSteps.last else { return false }
    return try SavedState(statePath(step: step)).data == fingerprint
  }

  /// Removes all but the newest `count` checkpoints of steps; 0 keeps all.
  public func keepNewest(_ count: Int) throws {
    guard count > 0 else { return }
    for step in savedSteps.dropLast(count) {
      for file in [statePath(step: step), modelPath(step: step)]
      where FileManager.default.fileExists(atPath: file) {
        try FileManager.default.removeItem(atPath: file)
      }
    }
  }

  private static func stepText(_ step: Int) -> String {
    let digits = String(step)
    return "step" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
  }
}
