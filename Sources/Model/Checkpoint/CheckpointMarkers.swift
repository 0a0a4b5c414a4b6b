import FoundationEssentials
import Graph

/// What a model predicts, which no weight shows.
public enum PredictionType: String, Hashable, Sendable, CaseIterable {
  /// The noise.
  case epsilon
  /// `alpha * noise - sigma * x0`.
  case v
  /// `noise - x0` along straight paths.
  case flow
}

/// How a checkpoint was trained, as its marker tensors and metadata tell other programs.
///
/// Written are:
/// - empty tensors `v_pred` for v-prediction and beside it `ztsnr` for zero terminal SNR, which
///   ComfyUI, A1111 and Forge look for. Nothing looks for flow matching in SDXL: ComfyUI then needs
///   a ModelSamplingSD3 node with the same shift (multiplier 1000);
/// - `modelspec.*`, with `modelspec.prediction_type` = `epsilon`, `v` or `flow`;
/// - `vkxl.prediction_type`, `vkxl.zero_terminal_snr` (`true`, `false`), `vkxl.shift` or
///   `vkxl.shift_at_1024`.
///
/// - Source: Stability-AI/ModelSpec, `README.md` (1.0.1); ComfyUI, `comfy/supported_models.py`
public struct CheckpointMarkers: Hashable, Sendable {
  /// What the UNet predicts.
  public var prediction: PredictionType
  /// Whether the noise schedule ends in pure noise; for v only.
  public var zeroTerminalSNR: Bool
  /// Shift of the time in flow matching; nil elsewhere.
  public var shift: Double?
  /// Shift at 1024 x 1024 pixels where it goes with the resolution: sqrt(pixels / 1024^2) times this.
  public var shiftAt1024: Double?
  /// Width and height of the training images in pixels, as `1024x1024`; nil leaves what was there.
  public var resolution: String?
  /// Name of the model; nil leaves what was there.
  public var title: String?

  public init(
    prediction: PredictionType, zeroTerminalSNR: Bool = false, shift: Double? = nil,
    shiftAt1024: Double? = nil, resolution: String? = nil, title: String? = nil
  ) {
    self.prediction = prediction
    self.zeroTerminalSNR = zeroTerminalSNR
    self.shift = shift
    self.shiftAt1024 = shiftAt1024
    self.resolution = resolution
    self.title = title
  }

  /// What a file says about itself: our own keys first, then the marker tensors, then modelspec;
  /// epsilon when it says nothing, as SDXL base does.
  ///
  /// - Throws: `InputError` when a key holds what none of the programs write
  public init(reading file: Safetensors) throws {
    let metadata = file.metadata
    prediction = try Self.statedPrediction(of: file) ?? .epsilon
    zeroTerminalSNR =
      metadata[Key.zeroTerminalSNR].map { $0 == "true" } ?? (file[Tensor.zeroTerminalSNR] != nil)
    shift = metadata[Key.shift].flatMap(Double.init)
    shiftAt1024 = metadata[Key.shiftAt1024].flatMap(Double.init)
    resolution = metadata["modelspec.resolution"]
    title = metadata["modelspec.title"]
  }

  /// What a file says that its model predicts, in the same order; nil when it says nothing.
  ///
  /// - Throws: `InputError` when a key holds what none of the programs write
  public static func statedPrediction(of file: Safetensors) throws -> PredictionType? {
    let metadata = file.metadata
    if let own = metadata[Key.prediction] {
      return try prediction(named: own, key: Key.prediction, path: file.path)
    }
    if file[Tensor.v] != nil { return .v }
    return try metadata[Key.specPrediction].map {
      try prediction(named: $0, key: Key.specPrediction, path: file.path)
    }
  }

  /// The empty tensors to append.
  public var tensors: [TensorDescription] {
    guard prediction == .v else { return [] }
    return ([Tensor.v] + (zeroTerminalSNR ? [Tensor.zeroTerminalSNR] : []))
      .map { TensorDescription(name: $0, dtype: .f32, shape: [0]) }
  }

  /// The metadata to write: that of the source, with what changed replaced and what no longer
  /// holds (its hashes, its markers, what is said of it and by whom) removed.
  public func metadata(over source: [String: String], date: Date = Date()) -> [String: String] {
    var metadata = source
    for key in Self.staleKeys { metadata[key] = nil }
    // What the source says of these two stays.
    metadata.merge(["format": "pt", "modelspec.timestep_range": "0,1000"]) { kept, _ in kept }
    metadata["modelspec.sai_model_spec"] = "1.0.1"
    metadata["modelspec.architecture"] = "stable-diffusion-xl-v1-base"
    metadata["modelspec.implementation"] = "https://github.com/Stability-AI/generative-models"
    metadata["modelspec.date"] = date.ISO8601Format()
    if let title { metadata["modelspec.title"] = title }
    if let resolution { metadata["modelspec.resolution"] = resolution }
    metadata[Key.specPrediction] = prediction.rawValue
    metadata[Key.prediction] = prediction.rawValue
    metadata[Key.zeroTerminalSNR] = String(zeroTerminalSNR)
    if let shift { metadata[Key.shift] = String(shift) }
    if let shiftAt1024 { metadata[Key.shiftAt1024] = String(shiftAt1024) }
    return metadata
  }

  /// Whether a tensor is a marker, not a weight: those of a source are written anew.
  static func isMarker(_ name: String) -> Bool {
    switch name {
    case Tensor.v, Tensor.zeroTerminalSNR, "edm_mean", "edm_std", "edm_vpred.sigma_max",
      "edm_vpred.sigma_min":
      true
    default: false
    }
  }

  private enum Tensor {
    static let v = "v_pred"
    static let zeroTerminalSNR = "ztsnr"
  }

  private enum Key {
    static let prediction = "vkxl.prediction_type"
    static let zeroTerminalSNR = "vkxl.zero_terminal_snr"
    static let shift = "vkxl.shift"
    static let shiftAt1024 = "vkxl.shift_at_1024"
    static let specPrediction = "modelspec.prediction_type"
  }

  private static let staleKeys = [
    "modelspec.hash_sha256", "modelspec.description", "modelspec.author", "modelspec.thumbnail",
    "sshs_model_hash", "sshs_legacy_hash", Key.prediction,
    Key.zeroTerminalSNR, Key.shift, Key.shiftAt1024,
  ]

  private static func prediction(
    named name: String, key: String, path: String
  ) throws -> PredictionType {
    switch name.lowercased() {
    case "epsilon", "eps": return .epsilon
    case "v", "v_prediction", "v-prediction": return .v
    case "flow": return .flow
    default:
      throw InputError(
        "\(path): \(key)", expected: "epsilon, v or flow", found: "`\(name)`",
        hint: "name the prediction type yourself instead of having it read from the file")
    }
  }
}
