import Graph

/// How a file's tensors differ from those that its configuration asks for.
public struct CheckpointValidation: Sendable {
  /// A tensor whose shape is not the one expected.
  public struct Misshapen: Hashable, Sendable {
    public var name: String
    /// The shape that the configuration asks for.
    public var expected: [Int]
    /// The shape in the file.
    public var found: [Int]
  }

  /// Tensors that are not there: an error.
  public private(set) var missing: [ManifestEntry] = []
  /// Tensors of another shape: an error.
  public private(set) var misshapen: [Misshapen] = []
  /// Tensors of the model that do not hold F64, F32, F16 or BF16: an error.
  public private(set) var wrongDType: [TensorEntry] = []
  /// Tensors within one of the four parts that the model has no use for: an error, because they
  /// show another architecture, whose results would be wrong without a word.
  public private(set) var unexpected: [TensorEntry] = []
  /// Tensors outside the four parts, such as an average of weights: kept, and worth a warning.
  public private(set) var unused: [TensorEntry] = []

  private let path: String

  /// Compares `file` with the manifest of `configuration`, as read from it.
  ///
  /// Shapes that differ only by trailing ones are the same (some files hold the VAE's 1x1
  /// convolutions as matrices), as are their bytes.
  public init(of file: Safetensors, against configuration: SDXLConfiguration) {
    path = file.path
    let manifest = configuration.manifest
    for entry in manifest {
      guard let found = file[entry.name] else {
        missing.append(entry)
        continue
      }
      if Self.significant(found.shape) != Self.significant(entry.shape) {
        misshapen.append(Misshapen(name: entry.name, expected: entry.shape, found: found.shape))
      } else if !found.dtype.isFloatingPoint {
        wrongDType.append(found)
      }
    }
    let known = Set(manifest.map(\.name))
    for entry in file.entries where !known.contains(entry.name) && !Self.isTolerated(entry.name) {
      if CheckpointPart(containing: entry.name) != nil {
        unexpected.append(entry)
      } else {
        unused.append(entry)
      }
    }
  }

  /// Whether the model can be loaded.
  public var isValid: Bool {
    missing.isEmpty && misshapen.isEmpty && wrongDType.isEmpty && unexpected.isEmpty
  }

  /// Every difference that is an error, one a line.
  public var problems: [String] {
    missing.map { "missing: \($0.name) \($0.shape)" }
      + misshapen.map { "misshapen: \($0.name) is \($0.found), expected \($0.expected)" }
      + wrongDType.map { "dtype: \($0.name) is \($0.dtype.rawValue)" }
      + unexpected.map { "unexpected: \($0.name) \($0.shape)" }
  }

  /// A line about the tensors that nothing uses; nil when there are none.
  public var warning: String? {
    guard let first = unused.first else { return nil }
    let others = unused.count > 1 ? " and \(unused.count - 1) more" : ""
    return "\(path): kept but not used: \(first.name)\(others)"
  }

  /// - Throws: `InputError` that lists every difference at once
  public func check() throws {
    guard !isValid else { return }
    if missing.isEmpty, misshapen.isEmpty, unexpected.isEmpty {
      throw InputError(
        path, expected: "tensors of dtype F64, F32, F16 or BF16",
        found: problems.joined(separator: "; "),
        hint: "take a file of the model in 16 or 32 bits; files in 8 are rounded for drawing")
    }
    var counts: [String] = []
    for (count, what) in [
      (missing.count, "missing"), (misshapen.count, "misshapen"),
      (wrongDType.count, "of a dtype that cannot be used"), (unexpected.count, "unexpected"),
    ] where count > 0 {
      counts.append("\(count) \(what)")
    }
    throw InputError(
      path, expected: "the tensors of an SDXL checkpoint",
      found: "\(counts.joined(separator: ", ")): \(problems.joined(separator: "; "))",
      hint: "the file is damaged, was converted wrongly, or is of another architecture; "
        + "see `vkxl inspect`")
  }

  /// Names within the parts that some files hold and that carry nothing the model needs.
  private static func isTolerated(_ name: String) -> Bool {
    switch name {
    case "conditioner.embedders.0.transformer.text_model.embeddings.position_ids",
      "conditioner.embedders.1.model.logit_scale", "conditioner.embedders.1.model.attn_mask",
      "v_pred", "ztsnr",
      "denoiser.sigmas", "alphas_cumprod", "alphas_cumprod_prev", "betas":
      true
    default:
      name.hasPrefix("first_stage_model.loss.")
    }
  }

  private static func significant(_ shape: [Int]) -> ArraySlice<Int> {
    shape.prefix((shape.lastIndex { $0 != 1 } ?? -1) + 1)
  }
}

/// An SDXL checkpoint: an open file that is known to hold every tensor of its configuration.
public struct SDXLCheckpoint: Sendable {
  /// The open file.
  public let file: Safetensors
  /// Widths and depths, as read from its shapes.
  public let configuration: SDXLConfiguration
  /// About tensors that nothing uses; nil when there are none.
  public let warning: String?

  /// Opens and validates the file.
  ///
  /// - Parameter parts: those that must be there; others are read when they are
  /// - Throws: `InputError` that says everything that is wrong with it
  public init(
    path: String, parts: Set<CheckpointPart> = Set(CheckpointPart.allCases)
  ) throws {
    file = try Safetensors(path: path)
    configuration = try SDXLConfiguration(reading: file, parts: parts)
    let validation = CheckpointValidation(of: file, against: configuration)
    try validation.check()
    warning = validation.warning
  }
}
