import Graph
import Model

/// A file that `Trainer.saveState` wrote.
struct SavedState {
  let file: Safetensors
  /// Updates done.
  let step: Int

  /// - Throws: `InputError` when the file is damaged or something else.
  init(_ path: String) throws {
    file = try Safetensors(path: path)
    guard file.metadata["vkxl.kind"] == "training state",
      let step = Int(file.metadata["vkxl.step"] ?? "")
    else {
      throw InputError(
        path, expected: "a state saved by vkxl train", found: "another safetensors file",
        hint: "remove it; the state before it is then resumed")
    }
    self.step = step
  }

  /// Digest of the data set it was trained on.
  var data: String? { file.metadata["vkxl.data"] }

  /// - Throws: `InputError` when the state is another run's: other model, data or settings.
  func check(_ identity: RunIdentity) throws {
    try check(model: identity.model)
    try check(
      "vkxl.data", identity.data, "data set", "restore the images and captions of the run")
    let saved = (file.metadata["vkxl.settings"] ?? "").split(separator: "\n")
    let given = identity.settings.split(separator: "\n")
    guard saved != given else { return }
    func only(_ lines: [Substring], _ others: [Substring]) -> String {
      let changed = lines.filter { !others.contains($0) }
      return changed.isEmpty ? "none of these" : changed.joined(separator: ", ")
    }
    throw InputError(
      file.path, expected: "the settings of the run to resume (\(only(saved, given)))",
      found: only(given, saved),
      hint: "restore the setting, or start a new run in another output.folder")
  }

  /// - Throws: `InputError` when the run began with another model.
  func check(model: String) throws {
    try check("vkxl.model", model, "model", "start from the checkpoint that the run began with")
  }

  private func check(_ key: String, _ found: String, _ what: String, _ hint: String) throws {
    guard file.metadata[key] != found else { return }
    throw InputError(
      file.path, expected: "the \(what) of the run to resume", found: "another \(what)",
      hint: "\(hint), or start a new run in another output.folder")
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
    let state = try SavedState(path)
    try state.check(identity)
    let file = state.file
    for (name, type) in Self.stateNames(parameters) {
      let entry = try file.entry(name)
      guard entry.shape == type.shape, entry.dtype == .f32 else {
        throw InputError(
          "\(path): \(name)", expected: "F32 \(type.shape)",
          found: "\(entry.dtype.rawValue) \(entry.shape)")
      }
      try store.write(TensorData(type.shape, file.floats(entry)), to: name)
    }
    resume(at: state.step)
  }

  private static func stateNames(_ parameters: [Variable]) -> [(String, TensorType)] {
    let trained = parameters.filter(\.isTrained)
    return [{ $0 }, StateName.firstMoment, StateName.secondMoment].flatMap {
      (name: (String) -> String) in
      trained.map { (name($0.name), TensorType($0.type.shape, .f32)) }
    } + [(StateName.step, TensorType([1]))]
  }
}
