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

  /// Where gradients were; nil in a state that does not say.
  var gradients: GradientPolicy? { file.metadata["vkxl.gradients"].flatMap(GradientPolicy.init) }

  /// Device and driver that it was trained on.
  var device: String { file.metadata["vkxl.device"] ?? "" }

  /// The kernels it was trained with, as `Backend.kernelChoices` tells them.
  var kernels: String { file.metadata["vkxl.kernels"] ?? "" }

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
    let changed = only(saved, given) + only(given, saved)
    let isLonger = ["training.max_steps", "training.epochs"].contains { changed.contains($0) }
    throw InputError(
      file.path, expected: "the settings of the run to resume (\(only(saved, given)))",
      found: only(given, saved),
      hint: isLonger
        ? "the length may change with `optimizer.scheduler: constant` alone; to train on, start a new run "
          + "from the last model in another output.folder"
        : "restore the setting, or start a new run in another output.folder")
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
  /// Saves what a resumed run needs, to the bit: trained parameters and the optimizer's state as they
  /// are stored, and the count of updates.
  public func saveState(to path: String, identity: RunIdentity) throws {
    let descriptions = savedVariables.map { variable in
      TensorDescription(
        name: variable.name, dtype: SafetensorsDType(variable.type.dtype),
        shape: variable.type.shape)
    }
    let metadata = [
      "vkxl.kind": "training state", "vkxl.step": String(step), "vkxl.model": identity.model,
      "vkxl.data": identity.data, "vkxl.settings": identity.settings,
      "vkxl.gradients": planner.gradients.rawValue, "vkxl.device": backend.description,
      "vkxl.kernels": backend.kernelChoices,
    ]
    try SafetensorsWriter.write(descriptions, metadata: metadata, to: path) { tensor, write in
      try self.store.read(tensor.name, bytes: 0..<tensor.byteCount, write)
    }
  }

  /// Continues a saved run.
  /// - Throws: `InputError` when the state is another run's: other model, data or settings.
  public func restoreState(from path: String, identity: RunIdentity) throws {
    let state = try SavedState(path)
    try state.check(identity)
    let file = state.file
    // On a device that multiplies bf16 as f16 there may be a scale where there was none.
    let scaling = (settings.lossScaling?.states ?? []).map(\.variable.name)
    var ahead = ReadAhead(file, file.entries)
    for variable in savedVariables {
      let (name, type) = (variable.name, variable.type)
      if settings.storage.multipliesInHalf, file[name] == nil, scaling.contains(name) { continue }
      let entry = try file.entry(name)
      let dtype = SafetensorsDType(type.dtype)
      guard entry.shape == type.shape, entry.dtype == dtype else {
        throw InputError(
          "\(path): \(name)", expected: "\(dtype.rawValue) \(type.shape)",
          found: "\(entry.dtype.rawValue) \(entry.shape)",
          hint: "resume with the precision and the optimizer of the run")
      }
      ahead.read(entry)
      try file.withBytes(of: entry) { bytes in
        try store.write(to: name) { range, target in
          target.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[range]))
        }
      }
      file.release(entry)
    }
    resume(at: state.step)
  }

  private var savedVariables: [Variable] {
    let trained = parameters.filter(\.isTrained)
    return trained + settings.optimizer.states(trained)
      + planner.counters.filter { $0.name != StateName.norm }
  }
}
