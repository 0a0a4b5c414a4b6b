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
///     state-step00000100.safetensors   parameters in f32, moments, step: what --resume needs
///     metrics.jsonl, config.yaml, samples/
///
/// Files are written beside their place, synced and renamed; an old one survives a full disk.
public struct RunFolder: Sendable {
  public let path: String
  public let name: String

  public init(_ path: String, name: String) {
    self.path = path
    self.name = name
  }

  public func modelPath(step: Int) -> String {
    "\(path)/\(name)-\(Self.stepText(step)).safetensors"
  }
  public var finalModelPath: String { "\(path)/\(name).safetensors" }
  public func statePath(step: Int) -> String {
    "\(path)/state-\(Self.stepText(step)).safetensors"
  }
  public var metricsPath: String { "\(path)/metrics.jsonl" }
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
        hint: "continue it with --resume, or name another output.folder")
    }
    try makeFolders()
  }

  /// Makes the folder and its subfolders where they are missing.
  public func makeFolders() throws {
    do {
      try FileManager.default.createDirectory(
        atPath: path + "/samples", withIntermediateDirectories: true)
    } catch {
      throw InputError(
        path, expected: "an output folder that can be written",
        found: "\((error as NSError).localizedDescription)")
    }
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

extension Trainer {
  /// Saves what a resumed run needs, to the bit: trained parameters in f32, both moments, and the
  /// count of updates.
  public func saveState(to path: String, identity: RunIdentity) throws {
    let names = Self.stateNames(parameters)
    let descriptions = names.map { name, type in
      TensorDescription(name: name, dtype: .f32, shape: type.shape)
    }
    let metadata = [
      "vkxl.kind": "training state", "vkxl.step": String(step), "vkxl.model": identity.model,
      "vkxl.data": identity.data, "vkxl.settings": identity.settings,
      "vkxl.device": backend.description,
    ]
    try SafetensorsWriter.write(descriptions, metadata: metadata, to: path) { tensor, write in
      try self.store.read(tensor.name).bytes.withUnsafeBytes(write)
    }
  }

  /// Continues a saved run.
  /// - Throws: `InputError` when the state is another run's: other model, data or settings.
  public func restoreState(from path: String, identity: RunIdentity) throws {
    let file = try Safetensors(path: path)
    try Self.check(file, identity)
    for (name, type) in Self.stateNames(parameters) {
      let entry = try file.entry(name)
      guard entry.shape == type.shape, entry.dtype == .f32 else {
        throw InputError(
          "\(path): \(name)", expected: "F32 \(type.shape)",
          found: "\(entry.dtype.rawValue) \(entry.shape)")
      }
      try store.write(TensorData(type.shape, file.floats(entry)), to: name)
    }
    resume(at: Int(file.metadata["vkxl.step"] ?? "") ?? 0)
  }

  private static func stateNames(_ parameters: [Variable]) -> [(String, TensorType)] {
    let trained = parameters.filter(\.isTrained)
    return [{ $0 }, StateName.firstMoment, StateName.secondMoment].flatMap {
      (name: (String) -> String) in
      trained.map { (name($0.name), TensorType($0.type.shape, .f32)) }
    } + [(StateName.step, TensorType([1]))]
  }

  private static func check(_ file: Safetensors, _ identity: RunIdentity) throws {
    let metadata = file.metadata
    guard metadata["vkxl.kind"] == "training state", Int(metadata["vkxl.step"] ?? "") != nil else {
      throw InputError(
        file.path, expected: "a state saved by vkxl train", found: "another safetensors file")
    }
    for (key, found, what, hint) in [
      ("vkxl.model", identity.model, "model", "start from the checkpoint that the run began with"),
      ("vkxl.data", identity.data, "data set", "restore the images and captions of the run"),
    ] where metadata[key] != found {
      throw InputError(
        file.path, expected: "the \(what) of the run to resume", found: "another \(what)",
        hint: "\(hint), or start a new run in another output.folder")
    }
    let saved = (metadata["vkxl.settings"] ?? "").split(separator: "\n")
    let given = identity.settings.split(separator: "\n")
    let changed = zip(saved, given).first { $0 != $1 }
    if saved != given {
      throw InputError(
        file.path, expected: "the settings of the run to resume: \(changed?.0 ?? "")",
        found: "\(changed?.1 ?? "other settings")",
        hint: "restore the setting, or start a new run in another output.folder")
    }
  }
}
