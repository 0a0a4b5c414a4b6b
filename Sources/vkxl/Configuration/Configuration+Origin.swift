import Graph
import Model
import Train

extension Configuration {
  /// Compares what a checkpoint says of itself with what is to be trained.
  ///
  /// - Returns: warnings, for what is possible but seldom meant; none where the checkpoint's own words
  ///   cannot be understood
  /// - Throws: `InputError` when `objective.from` says another prediction than the checkpoint.
  func checkOrigin(_ file: Safetensors) throws -> [String] {
    guard let markers = try? CheckpointMarkers(reading: file) else { return [] }
    let stated = try CheckpointMarkers.statedPrediction(of: file)
    if objective.from != nil {
      try checkEasing(stated, path: file.path)
      return []
    }
    return originWarning(markers, isStated: stated != nil).map { [$0] } ?? []
  }

  private func checkEasing(_ stated: PredictionType?, path: String) throws {
    guard let stated, stated != .epsilon else { return }
    throw InputError(
      source.place(of: "objective.from"), expected: "a checkpoint that predicts epsilon",
      found: "\(path), which says that it predicts \(stated.rawValue)",
      hint: stated == objective.type
        ? "leave `objective.from` out: the checkpoint predicts `objective.type` already"
        : "leave `objective.from` out: only epsilon is eased into another prediction")
  }

  private func originWarning(_ markers: CheckpointMarkers, isStated: Bool) -> String? {
    let (origin, target) = (markers.prediction.rawValue, objective.type.rawValue)
    if markers.prediction == objective.type {
      guard objective.type == .v, isStated, markers.zeroTerminalSNR != objective.zeroTerminalSNR
      else { return nil }
      return "objective.zero_terminal_snr: the checkpoint says that it was trained "
        + (markers.zeroTerminalSNR
          ? "with it, and goes on without" : "without, and goes on with it")
        + ": its timesteps will mean other noise levels"
    }
    let subject =
      isStated
      ? "the checkpoint says that it predicts"
      : "without markers, as SDXL "
        + "base has none, the checkpoint counts as one that predicts"
    let advice =
      markers.prediction == .epsilon
      ? "; objective.from: epsilon moves it over evenly" : ", and its first steps go into that"
    return "objective.type: \(subject) \(origin), and is asked for \(target) at once" + advice
  }
}
