import Graph

/// What a safetensors file is: for people to read, and never an error over what it holds.
public struct CheckpointInspection: Sendable {
  /// How much of the file a part, or an element type, makes up.
  public struct Share: Hashable, Sendable {
    /// Number of tensors.
    public var tensorCount = 0
    /// Number of elements.
    public var parameterCount = 0
    /// Bytes of tensor data.
    public var byteCount = 0
    /// Number of tensors of each element type.
    public var dtypes: [SafetensorsDType: Int] = [:]

    mutating func add(_ entry: TensorEntry) {
      tensorCount += 1
      parameterCount += entry.elementCount
      byteCount += entry.byteRange.count
      dtypes[entry.dtype, default: 0] += 1
    }
  }

  /// The file.
  public let path: String
  /// Size of the whole file, header included.
  public let fileByteCount: Int
  /// Such as "SDXL checkpoint, single file" or what else it looks like.
  public let layout: String
  /// The model's tensors by part; without those that carry no weights (`logit_scale`, ...).
  public private(set) var parts: [CheckpointPart: Share] = [:]
  /// Names that belong to no part's weights: markers, buffers, and what nothing uses.
  public private(set) var others: [String] = []
  /// All tensors together.
  public private(set) var total = Share()
  /// nil when the file is not an SDXL checkpoint.
  public private(set) var configuration: SDXLConfiguration?
  /// nil when the file is not an SDXL checkpoint or its markers make no sense.
  public private(set) var markers: CheckpointMarkers?
  /// Missing, misshapen and unexpected tensors and the like, one a line.
  public private(set) var problems: [String] = []
  /// The header's metadata.
  public let metadata: [String: String]

  /// - Throws: `InputError` when the file cannot be read as safetensors
  public init(path: String) throws {
    self.init(of: try Safetensors(path: path))
  }

  public init(of file: Safetensors) {
    path = file.path
    fileByteCount = file.fileByteCount
    metadata = file.metadata
    for entry in file.entries { total.add(entry) }
    if let other = ForeignCheckpoint(names: file.entries.map(\.name)) {
      layout = other.title
      others = file.entries.map(\.name)
      return
    }
    if metadata["vkxl.kind"] == "training state" {
      layout = "a training state, for vkxl train --resume; the model is in another file"
      others = file.entries.map(\.name)
      return
    }
    layout = "SDXL checkpoint, single file"
    do {
      let configuration = try SDXLConfiguration(reading: file, parts: [.unet])
      self.configuration = configuration
      problems = CheckpointValidation(of: file, against: configuration).problems
    } catch {
      problems.append("\(error)")
    }
    do {
      markers = try CheckpointMarkers(reading: file)
    } catch {
      problems.append("\(error)")
    }
    let weights = configuration.map { Set($0.manifest.map(\.name)) }
    for entry in file.entries {
      if let part = CheckpointPart(containing: entry.name), weights?.contains(entry.name) != false {
        parts[part, default: Share()].add(entry)
      } else {
        others.append(entry.name)
      }
    }
  }
}

extension CheckpointInspection: CustomStringConvertible {
  /// A page of text.
  public var description: String {
    var lines = ["\(path): \(layout), \(Self.bytes(fileByteCount))"]
    for part in CheckpointPart.allCases {
      if let share = parts[part] { lines.append(Self.line(part.title, share)) }
    }
    lines.append(Self.line("total", total))
    if let configuration { lines += ["sizes"] + Self.sizes(configuration) }
    if let markers { lines.append("prediction: \(Self.prediction(markers))") }
    if configuration != nil, !others.isEmpty {
      let names = others.prefix(8).joined(separator: ", ")
      lines.append(
        "other tensors: \(names)" + (others.count > 8 ? " and \(others.count - 8) more" : ""))
    }
    lines.append(metadata.isEmpty ? "metadata: none" : "metadata")
    lines += metadata.sorted { $0.key < $1.key }.map { key, value in
      let text = quotedText(value).dropFirst().dropLast()
      return "  \(key): \(text.count > 100 ? text.prefix(100) + "..." : text)"
    }
    if !problems.isEmpty { lines += ["problems"] + problems.map { "  \($0)" } }
    return lines.joined(separator: "\n")
  }

  private static func line(_ title: String, _ share: Share) -> String {
    let dtypes = share.dtypes.sorted { ($1.value, $0.key.rawValue) < ($0.value, $1.key.rawValue) }
      .map { share.dtypes.count > 1 ? "\($0.key.rawValue) (\($0.value))" : $0.key.rawValue }
    return "  " + padded(title, to: 15)
      + padded(grouped(share.parameterCount), to: 14, atEnd: false) + " parameters"
      + padded(grouped(share.tensorCount), to: 7, atEnd: false) + " tensors  "
      + padded(bytes(share.byteCount), to: 9, atEnd: false) + "  "
      + dtypes.joined(separator: ", ")
  }

  private static func sizes(_ configuration: SDXLConfiguration) -> [String] {
    func list(_ values: [Int]) -> String { values.map(String.init).joined(separator: " ") }
    let unet = configuration.unet
    var sizes = [
      (
        CheckpointPart.unet,
        "levels \(list(unet.levelChannels)), \(unet.residualBlocksPerLevel) residual blocks each, "
          + "transformer blocks \(depths(unet)), middle \(unet.middle.depth), "
          + "context \(unet.contextWidth), pooled \(unet.pooledWidth), "
          + "latents \(unet.inputChannels) in, \(unet.outputChannels) out"
      )
    ]
    if let vae = configuration.vae {
      let text =
        "levels \(list(vae.levelChannels)), \(vae.residualBlocksPerLevel) residual blocks "
        + "each, latents \(vae.latentChannels), 1/\(vae.downscale) of the image's side"
      sizes.append((.vae, text))
    }
    for (part, encoder) in [
      (CheckpointPart.textEncoder1, configuration.textEncoder1),
      (.textEncoder2, configuration.textEncoder2),
    ] {
      guard let encoder else { continue }
      let projection = encoder.projectionWidth.map { ", projection \($0)" } ?? ""
      let text =
        "width \(encoder.width), \(encoder.layerCount) layers, inner \(encoder.innerWidth)"
        + "\(projection), \(encoder.vocabularySize) tokens, \(encoder.contextLength) positions"
      sizes.append((part, text))
    }
    return sizes.map { "  \(padded($0.0.title, to: 15))\($0.1)" }
  }

  /// One number for each level that has one depth throughout, else both ways' numbers.
  private static func depths(_ unet: UNetConfiguration) -> String {
    unet.depths.map { level in
      let all = Set(level.down + level.up)
      if let depth = all.first, all.count == 1 { return "\(depth)" }
      return [level.down, level.up].map { $0.map(String.init).joined(separator: ",") }
        .joined(separator: "/")
    }.joined(separator: " ")
  }

  private static func prediction(_ markers: CheckpointMarkers) -> String {
    markers.prediction.rawValue + (markers.zeroTerminalSNR ? ", zero terminal SNR" : "")
      + (markers.shift.map { ", shift \($0)" } ?? "")
  }

  /// 1234567 as 1,234,567.
  static func grouped(_ value: Int) -> String {
    let digits = String(value)
    return digits.enumerated().map { index, digit in
      let left = digits.count - index
      return index > 0 && left.isMultiple(of: 3) ? ",\(digit)" : "\(digit)"
    }.joined()
  }

  /// A size in decimal units with three figures, as file managers show it.
  static func bytes(_ count: Int) -> String {
    var value = Double(count)
    for unit in ["B", "kB", "MB", "GB"] {
      if value < 999.5 || unit == "GB" {
        let places = unit == "B" || value >= 99.95 ? 1.0 : value >= 9.995 ? 10.0 : 100.0
        let rounded = (value * places).rounded() / places
        return unit == "B" || places == 1 ? "\(Int(rounded)) \(unit)" : "\(rounded) \(unit)"
      }
      value /= 1000
    }
    return "\(count) B"
  }

  private static func padded(_ text: String, to width: Int, atEnd: Bool = true) -> String {
    let padding = String(repeating: " ", count: max(0, width - text.count))
    return atEnd ? text + padding : padding + text
  }
}
