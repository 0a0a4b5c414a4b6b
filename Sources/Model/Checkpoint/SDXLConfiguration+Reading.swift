import Graph

/// Reads sizes off the shapes of one part's tensors.
///
/// Every size is what most of the tensors that show it say, so that one missing or misshapen tensor
/// neither stops the reading nor decides it, and is reported with all others.
private struct ShapeReader {
  let path: String
  let part: CheckpointPart
  /// By name without the part's prefix.
  private let shapes: [String: [Int]]

  init(_ file: Safetensors, _ part: CheckpointPart) {
    path = file.path
    self.part = part
    let ofPart = file.entries.filter { $0.name.hasPrefix(part.prefix) }
    shapes = Dictionary(
      uniqueKeysWithValues: ofPart.map { (String($0.name.dropFirst(part.prefix.count)), $0.shape) })
  }

  func contains(_ name: String) -> Bool { shapes[name] != nil }

  /// Whether any name begins so.
  func holds(_ prefix: String) -> Bool { shapes.keys.contains { $0.hasPrefix(prefix) } }

  /// The largest number that follows `prefix` in a name, plus one.
  func count(_ prefix: String) -> Int {
    shapes.keys.reduce(0) { count, name in
      guard name.hasPrefix(prefix) else { return count }
      return max(count, (Int(name.dropFirst(prefix.count).prefix { $0.isNumber }) ?? -1) + 1)
    }
  }

  /// Names with this ending, for sizes that many layers share.
  func names(endingIn suffix: String) -> [String] {
    shapes.keys.filter { $0.hasSuffix(suffix) }
  }

  /// The size of dimension `dimension` of most of the tensors `names`.
  func size(_ what: String, _ candidates: [(name: String, dimension: Int)]) throws -> Int {
    var votes: [Int: Int] = [:]
    for (name, dimension) in candidates {
      if let shape = shapes[name], dimension < shape.count {
        votes[shape[dimension], default: 0] += 1
      }
    }
    // The smaller size wins a tie, so that the answer does not depend on hashing.
    guard let best = votes.max(by: { ($0.value, -$0.key) < ($1.value, -$1.key) }), best.key > 0
    else {
      let names = candidates.prefix(2).map { "`\(part.prefix)\($0.name)`" }
      throw InputError(
        path, expected: names.isEmpty ? "tensors" : names.joined(separator: " or "),
        found: "none", hint: "the \(part.title)'s \(what) cannot be read without")
    }
    return best.key
  }
}

extension UNetConfiguration {
  /// Reads the sizes of a file's UNet.
  ///
  /// - Throws: `InputError` when they do not make an SDXL UNet
  public init(reading file: Safetensors) throws {
    let reader = ShapeReader(file, .unet)
    let base = try reader.size(
      "base width",
      [
        ("input_blocks.0.0.weight", 0), ("input_blocks.0.0.bias", 0),
        ("time_embed.0.weight", 1), ("input_blocks.1.0.in_layers.0.weight", 0),
      ])
    let levels = try Self.levels(reader)
    let channels = try levels.enumerated().map { level, blocks in
      try reader.size("width at level \(level)", blocks.flatMap(Self.widthCandidates))
    }
    guard channels.allSatisfy({ $0.isMultiple(of: base) }) else {
      throw InputError(
        "\(file.path): UNet", expected: "widths that are multiples of \(base)",
        found: "\(channels)")
    }
    let contextNames =
      reader.names(endingIn: ".attn2.to_k.weight")
      + reader.names(endingIn: ".attn2.to_v.weight")
    self.init(
      inputChannels: try reader.size("input channels", [("input_blocks.0.0.weight", 1)]),
      outputChannels: try reader.size("output channels", [("out.2.weight", 0), ("out.2.bias", 0)]),
      baseChannels: base,
      channelMultipliers: channels.map { $0 / base },
      depths: Self.depths(reader, levels),
      middle: reader.holds("middle_block.1.") || reader.holds("middle_block.2.")
        ? .transformer(depth: reader.count("middle_block.1.transformer_blocks."))
        : .residualBlock,
      contextWidth: try reader.size("context width", contextNames.map { ($0, 1) }),
      conditioningWidth: try reader.size("conditioning width", [("label_emb.0.0.weight", 1)]))
    guard pooledWidth > 0 else {
      throw InputError(
        "\(file.path): \(CheckpointPart.unet.prefix)label_emb.0.0.weight",
        expected: "more than \(6 * Self.timeIDWidth) columns (pooled text and six numbers)",
        found: "\(conditioningWidth)")
    }
  }

  /// Indices of the residual input blocks of each level: a downsampling ends a level.
  private static func levels(_ reader: ShapeReader) throws -> [[Int]] {
    let blockCount = reader.count("input_blocks.")
    var levels: [[Int]] = [[]]
    for index in 1..<max(1, blockCount) {
      let block = "input_blocks.\(index).0"
      // A block without its widths is a downsampling: when both of its tensors are missing, too.
      if widthCandidates(index).contains(where: { reader.contains($0.name) }),
        !reader.contains("\(block).op.weight")
      {
        levels[levels.count - 1].append(index)
      } else {
        levels.append([])
      }
    }
    guard levels[0].count > 0, levels.allSatisfy({ $0.count == levels[0].count }) else {
      throw InputError(
        "\(reader.path): UNet", expected: "equally many residual blocks at each level",
        found: "\(levels.map(\.count)) in input_blocks.0 to input_blocks.\(max(0, blockCount - 1))")
    }
    return levels
  }

  /// Transformer blocks behind each residual block; the output blocks begin at the lowest level.
  private static func depths(_ reader: ShapeReader, _ levels: [[Int]]) -> [LevelDepths] {
    levels.enumerated().map { level, blocks in
      let upCount = blocks.count + 1
      let firstUp = (levels.count - 1 - level) * upCount
      return LevelDepths(
        down: blocks.map { reader.count("input_blocks.\($0).1.transformer_blocks.") },
        up: (firstUp..<firstUp + upCount).map {
          reader.count("output_blocks.\($0).1.transformer_blocks.")
        })
    }
  }

  private static func widthCandidates(_ index: Int) -> [(name: String, dimension: Int)] {
    let names = [
      "in_layers.2.weight", "in_layers.2.bias", "emb_layers.1.weight", "emb_layers.1.bias",
      "out_layers.0.weight", "out_layers.0.bias", "out_layers.3.weight", "out_layers.3.bias",
    ]
    return names.map { ("input_blocks.\(index).0.\($0)", 0) }
  }
}

extension VAEConfiguration {
  /// Reads the sizes of a file's VAE.
  ///
  /// - Throws: `InputError` when they do not make an SDXL VAE
  public init(reading file: Safetensors) throws {
    let reader = ShapeReader(file, .vae)
    let levelCount = reader.count("encoder.down.")
    let blockCount =
      (0..<levelCount).map { reader.count("encoder.down.\($0).block.") }.max() ?? 0
    let names = ["conv1.weight", "conv1.bias", "norm2.weight", "conv2.weight", "conv2.bias"]
    let channels = try (0..<levelCount).map { level in
      let candidates = (0..<blockCount).flatMap { block in
        names.map { ("encoder.down.\(level).block.\(block).\($0)", 0) }
      }
      return try reader.size("width at level \(level)", candidates)
    }
    guard blockCount > 0 else {
      throw InputError(
        "\(file.path): VAE", expected: "`\(CheckpointPart.vae.prefix)encoder.down.0.block.0`",
        found: "none")
    }
    self.init(
      imageChannels: try reader.size(
        "image channels",
        [
          ("encoder.conv_in.weight", 1), ("decoder.conv_out.weight", 0),
          ("decoder.conv_out.bias", 0),
        ]
      ),
      latentChannels: try reader.size(
        "latent channels",
        [("decoder.conv_in.weight", 1), ("post_quant_conv.weight", 0), ("post_quant_conv.bias", 0)]),
      levelChannels: channels,
      residualBlocksPerLevel: blockCount)
  }
}

extension TextEncoderConfiguration {
  /// Reads the sizes of one of a file's text encoders.
  ///
  /// - Parameter part: `.textEncoder1` or `.textEncoder2`
  /// - Throws: `InputError` when they do not make a CLIP text encoder
  public init(reading file: Safetensors, _ part: CheckpointPart) throws {
    let reader = ShapeReader(file, part)
    let isOpenCLIP = part == .textEncoder2
    let tokens =
      isOpenCLIP ? "token_embedding.weight" : "text_model.embeddings.token_embedding.weight"
    let positions =
      isOpenCLIP ? "positional_embedding" : "text_model.embeddings.position_embedding.weight"
    let layers = isOpenCLIP ? "transformer.resblocks." : "text_model.encoder.layers."
    let inner = isOpenCLIP ? "mlp.c_fc" : "mlp.fc1"
    let norm = isOpenCLIP ? "ln_1" : "layer_norm1"
    let layerCount = reader.count(layers)
    let perLayer = 0..<layerCount
    self.init(
      width: try reader.size(
        "width",
        [(tokens, 1), (positions, 1)] + perLayer.map { ("\(layers)\($0).\(norm).weight", 0) }),
      layerCount: layerCount,
      innerWidth: try reader.size(
        "inner width",
        perLayer.flatMap {
          [("\(layers)\($0).\(inner).weight", 0), ("\(layers)\($0).\(inner).bias", 0)]
        }
      ),
      projectionWidth: isOpenCLIP
        ? try reader.size("projection", [("text_projection", 1)]) : nil,
      vocabularySize: try reader.size("vocabulary", [(tokens, 0)]),
      contextLength: try reader.size("number of positions", [(positions, 0)]))
  }
}

extension SDXLConfiguration {
  /// Reads the sizes of every part that the file holds.
  ///
  /// - Parameter parts: those that must be there; the UNet always must
  /// - Throws: `InputError` that says what the file looks like when it is not an SDXL checkpoint,
  ///   or which parts it lacks
  public init(
    reading file: Safetensors, parts: Set<CheckpointPart> = Set(CheckpointPart.allCases)
  ) throws {
    if let other = ForeignCheckpoint(names: file.entries.map(\.name)) {
      throw InputError(
        file.path, expected: "an SDXL checkpoint in the single-file layout", found: other.title,
        hint: other.hint)
    }
    let present = Set(file.entries.compactMap { CheckpointPart(containing: $0.name) })
    let required = CheckpointPart.allCases.filter { parts.contains($0) || $0 == .unet }
    let lacking = required.filter { !present.contains($0) }
    guard lacking.isEmpty else {
      let held = CheckpointPart.allCases.filter(present.contains).map(\.title)
      throw InputError(
        file.path,
        expected: lacking.map { "\($0.title) (`\($0.prefix)...`)" }.joined(separator: ", "),
        found: "only \(held.joined(separator: ", "))",
        hint: "give a checkpoint that holds these parts too")
    }
    self.init(
      unet: try UNetConfiguration(reading: file),
      vae: present.contains(.vae) ? try VAEConfiguration(reading: file) : nil,
      textEncoder1: present.contains(.textEncoder1)
        ? try TextEncoderConfiguration(reading: file, .textEncoder1) : nil,
      textEncoder2: present.contains(.textEncoder2)
        ? try TextEncoderConfiguration(reading: file, .textEncoder2) : nil)
  }
}
