import Foundation
import Graph

extension Configuration {
  /// Mistakes that lie between keys, each of which is valid alone.
  func contradictions() -> [InputError] {
    lengthContradictions() + sizeContradictions() + objectiveContradictions()
      + optimizerContradictions() + outputContradictions() + validationContradictions()
  }

  /// - Parameter hint: nil: what the key means
  func error(
    _ path: String, expected: String, found: String, hint: String? = nil
  ) -> InputError {
    let summary = ConfigurationKey<Configuration>.all.first { $0.path == path }?.summary
    return InputError(
      source.place(of: path), expected: expected, found: found, hint: hint ?? summary ?? "")
  }

  /// Whether a key was given a value other than its default.
  func isChanged(_ path: String) -> Bool {
    guard source.places[path] != nil,
      let key = ConfigurationKey<Configuration>.all.first(where: { $0.path == path })
    else { return false }
    return key.read(self) != key.defaultValue
  }

  private func lengthContradictions() -> [InputError] {
    var errors: [InputError] = []
    switch (training.maxSteps, training.epochs) {
    case (.some, .some):
      errors.append(
        error(
          "training.epochs", expected: "either `training.max_steps` or `training.epochs`",
          found: "both", hint: "remove one of them, or clear it with --set training.epochs=null"))
    case (nil, nil):
      errors.append(
        error(
          "training.max_steps", expected: "either `training.max_steps` or `training.epochs`",
          found: "neither", hint: "say how long to train, as in `max_steps: 1000`"))
    case (let steps?, nil) where optimizer.warmupSteps > steps:
      errors.append(
        error(
          "optimizer.warmup_steps", expected: "at most `training.max_steps` (\(steps))",
          found: "\(optimizer.warmupSteps)"))
    default: break
    }
    return errors
  }

  private func sizeContradictions() -> [InputError] {
    var errors: [InputError] = []
    func requireMultiple(_ path: String, _ number: Int?, of step: Int, _ reason: String) {
      guard let number, !number.isMultiple(of: step) else { return }
      let below = number / step * step
      errors.append(
        error(
          path, expected: "a multiple of \(reason)", found: "\(number)",
          hint: below > 0 ? "use \(below) or \(below + step)" : "use \(step)"))
    }
    let latent = "8 (one latent pixel)"
    requireMultiple("data.bucket_step", data.bucketStep, of: 8, latent)
    if data.buckets, data.bucketStep.isMultiple(of: 8) {
      let step = data.bucketStep
      let reason = "`data.bucket_step` (\(step))"
      requireMultiple("data.resolution", data.resolution, of: step, reason)
      requireMultiple("data.min_bucket_side", data.minBucketSide, of: step, reason)
      requireMultiple("data.max_bucket_side", data.maxBucketSide, of: step, reason)
    } else {
      requireMultiple("data.resolution", data.resolution, of: 8, latent)
    }
    if let shortest = data.minBucketSide, shortest > data.resolution {
      errors.append(
        error(
          "data.min_bucket_side", expected: "at most `data.resolution` (\(data.resolution))",
          found: "\(shortest)"))
    }
    if let longest = data.maxBucketSide, longest < data.resolution {
      errors.append(
        error(
          "data.max_bucket_side", expected: "at least `data.resolution` (\(data.resolution))",
          found: "\(longest)"))
    }
    for (index, sample) in output.samples.enumerated() {
      requireMultiple("output.samples[\(index)].width", sample.width, of: 8, latent)
      requireMultiple("output.samples[\(index)].height", sample.height, of: 8, latent)
    }
    if data.captionExtension.allSatisfy({ $0 == "." }) || data.captionExtension.contains("/") {
      errors.append(
        error(
          "data.caption_extension", expected: "an ending, as in `.txt`",
          found: "`\(data.captionExtension)`"))
    }
    return errors
  }

  private func optimizerContradictions() -> [InputError] {
    let users: [(key: String, types: [OptimizerType])] = [
      ("betas", [.adamW, .adamW8Bit, .lion, .prodigy]), ("eps", [.adamW, .adamW8Bit, .prodigy]),
      ("state_dtype", [.adamW, .lion]), ("clip_threshold", [.adafactor]),
      ("decay_rate", [.adafactor]), ("d0", [.prodigy]), ("d_coef", [.prodigy]),
      ("bias_correction", [.prodigy]), ("safeguard_warmup", [.prodigy]),
    ]
    var errors: [InputError] = []
    for (key, types) in users
    where !types.contains(optimizer.type) && isChanged("optimizer.\(key)") {
      let names = types.map { "`\($0.rawValue)`" }.joined(separator: " or ")
      errors.append(unused("optimizer.\(key)", needs: "`optimizer.type` \(names)"))
    }
    if optimizer.type == .prodigy, optimizer.learningRate < 0.01 {
      errors.append(
        error(
          "optimizer.learning_rate", expected: "at least 0.01 with `optimizer.type: prodigy`",
          found: ConfigurationText.number(optimizer.learningRate),
          hint: "prodigy finds the step itself, and this is a factor of it: use 1"))
    }
    if optimizer.weightDecay == 0, isChanged("optimizer.decay_norms_and_biases") {
      errors.append(
        unused("optimizer.decay_norms_and_biases", needs: "`optimizer.weight_decay` above 0"))
    }
    return errors
  }

  /// A key that would change nothing: told, because whoever wrote it expects an effect.
  func unused(_ path: String, needs condition: String) -> InputError {
    error(
      path, expected: "this key only with \(condition)", found: "it without",
      hint: "it would have no effect; remove it, or clear it with --set \(path)=null")
  }

  private func outputContradictions() -> [InputError] {
    var errors: [InputError] = []
    if output.sampleEvery > 0, output.samples.isEmpty, output.prompts == nil {
      errors.append(
        error(
          "output.sample_every", expected: "0, or prompts in `output.samples` or `output.prompts`",
          found: "\(output.sampleEvery) and no prompts"))
    }
    do {
      try output.sampler.requireSupport(
        of: objective.type, place: source.place(of: "output.sampler"))
    } catch {
      errors.append(error)
    }
    if let name = output.name, name.isEmpty || name.hasPrefix(".") || name.contains("/") {
      errors.append(
        error(
          "output.name", expected: "a file name without `/` that does not start with a dot",
          found: "`\(name)`", hint: "folders go in `output.folder`"))
    }
    if output.folder == data.folder || output.folder.hasPrefix(data.folder + "/") {
      errors.append(
        error(
          "output.folder", expected: "a folder outside `data.folder`", found: output.folder,
          hint: "sample pictures written there would become training images"))
    }
    return errors
  }
}

extension Configuration {
  private func validationContradictions() -> [InputError] {
    guard let folder = data.validationFolder else {
      let isUnused = data.validationFraction == 0 && isChanged("output.validate_every")
      return isUnused
        ? [
          unused(
            "output.validate_every", needs: "`data.validation_fraction` or `data.validation_folder`"
          )
        ] : []
    }
    var errors: [InputError] = []
    if data.validationFraction > 0 {
      errors.append(
        error(
          "data.validation_folder",
          expected: "either `data.validation_fraction` or `data.validation_folder`", found: "both",
          hint: "remove one of them"))
    }
    if folder == data.folder || folder.hasPrefix(data.folder + "/") {
      errors.append(
        error(
          "data.validation_folder", expected: "a folder outside `data.folder`", found: folder,
          hint: "its pictures would be trained on; `data.validation_fraction` splits a folder"))
    }
    return errors
  }

  /// Looks whether the files and folders that must exist do.
  ///
  /// - Throws: `InputErrors` with each that is missing and the line that names it.
  func checkFiles() throws {
    var errors: [InputError] = []
    func require(_ path: String, _ file: String, folder: Bool, _ expected: String) {
      var isFolder: ObjCBool = false
      let exists = FileManager.default.fileExists(atPath: file, isDirectory: &isFolder)
      guard !exists || isFolder.boolValue != folder else { return }
      let found = exists ? (folder ? "a file" : "a folder") : "nothing"
      errors.append(
        error(
          path, expected: expected, found: "\(found) at \(file)",
          hint: source.places[path]?.hasPrefix("--set") == true
            ? "relative paths in --set count from the current folder"
            : "relative paths count from the configuration file's folder"))
    }
    require("model.checkpoint", model.checkpoint, folder: false, "a checkpoint file")
    if case .file(let file) = model.textEncoders {
      require("model.text_encoders", file, folder: false, "a checkpoint file")
    }
    if let file = output.prompts {
      require("output.prompts", file, folder: false, "a text file of prompts")
    }
    if let folder = data.validationFolder {
      require("data.validation_folder", folder, folder: true, "a folder of images")
    }
    require("data.folder", data.folder, folder: true, "a folder of images")
    guard errors.isEmpty else { throw InputErrors(errors: errors) }
  }
}
