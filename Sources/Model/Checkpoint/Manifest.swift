/// A tensor that a model must have.
public struct ManifestEntry: Hashable, Sendable {
  public var name: String
  /// As in the file: [out, in] for matrices, OIHW for convolutions.
  public var shape: [Int]

  public init(name: String, shape: [Int]) {
    self.name = name
    self.shape = shape
  }

  /// Product of the shape.
  public var elementCount: Int { shape.reduce(1, *) }
}

/// Collects the tensors of a part; the methods are the layers it is made of.
struct ManifestBuilder {
  let prefix: String
  private(set) var entries: [ManifestEntry] = []

  init(_ part: CheckpointPart) {
    prefix = part.prefix
  }

  mutating func tensor(_ name: String, _ shape: Int...) {
    entries.append(ManifestEntry(name: prefix + name, shape: shape))
  }

  mutating func linear(_ name: String, _ output: Int, _ input: Int, bias: Bool = true) {
    tensor("\(name).weight", output, input)
    if bias { tensor("\(name).bias", output) }
  }

  mutating func convolution(_ name: String, _ output: Int, _ input: Int, kernel: Int) {
    tensor("\(name).weight", output, input, kernel, kernel)
    tensor("\(name).bias", output)
  }

  mutating func norm(_ name: String, _ width: Int) {
    tensor("\(name).weight", width)
    tensor("\(name).bias", width)
  }
}

extension UNetConfiguration {
  /// Every tensor of the UNet, in the customary order.
  ///
  /// - Source: Stability-AI/generative-models, `sgm/modules/diffusionmodules/openaimodel.py`
  public var manifest: [ManifestEntry] {
    var builder = ManifestBuilder(.unet)
    builder.linear("time_embed.0", timeWidth, baseChannels)
    builder.linear("time_embed.2", timeWidth, timeWidth)
    builder.linear("label_emb.0.0", timeWidth, conditioningWidth)
    builder.linear("label_emb.0.2", timeWidth, timeWidth)
    builder.convolution("input_blocks.0.0", baseChannels, inputChannels, kernel: 3)
    var skips = [baseChannels]
    var channels = baseChannels
    for (level, width) in levelChannels.enumerated() {
      for depth in depths[level].down {
        addBlock("input_blocks.\(skips.count)", channels, width, depth, to: &builder)
        channels = width
        skips.append(channels)
      }
      if level < levelChannels.count - 1 {
        builder.convolution("input_blocks.\(skips.count).0.op", channels, channels, kernel: 3)
        skips.append(channels)
      }
    }
    addResidual("middle_block.0", channels, channels, to: &builder)
    if middle.depth > 0 { addTransformer("middle_block.1", channels, middle.depth, to: &builder) }
    if middle != .residualBlock {
      addResidual("middle_block.2", channels, channels, to: &builder)
    }
    var index = 0
    for (level, width) in levelChannels.enumerated().reversed() {
      for (block, depth) in depths[level].up.enumerated() {
        let input = channels + skips.removeLast()
        addBlock("output_blocks.\(index)", input, width, depth, to: &builder)
        channels = width
        if level > 0, block == residualBlocksPerLevel {
          let place = depth > 0 ? 2 : 1
          builder.convolution("output_blocks.\(index).\(place).conv", channels, channels, kernel: 3)
        }
        index += 1
      }
    }
    builder.norm("out.0", channels)
    builder.convolution("out.2", outputChannels, channels, kernel: 3)
    return builder.entries
  }

  private func addBlock(
    _ name: String, _ input: Int, _ output: Int, _ depth: Int, to builder: inout ManifestBuilder
  ) {
    addResidual("\(name).0", input, output, to: &builder)
    if depth > 0 { addTransformer("\(name).1", output, depth, to: &builder) }
  }

  private func addResidual(
    _ name: String, _ input: Int, _ output: Int, to builder: inout ManifestBuilder
  ) {
    builder.norm("\(name).in_layers.0", input)
    builder.convolution("\(name).in_layers.2", output, input, kernel: 3)
    builder.linear("\(name).emb_layers.1", output, timeWidth)
    builder.norm("\(name).out_layers.0", output)
    builder.convolution("\(name).out_layers.3", output, output, kernel: 3)
    if input != output { builder.convolution("\(name).skip_connection", output, input, kernel: 1) }
  }

  private func addTransformer(
    _ name: String, _ width: Int, _ depth: Int, to builder: inout ManifestBuilder
  ) {
    builder.norm("\(name).norm", width)
    builder.linear("\(name).proj_in", width, width)
    for index in 0..<depth {
      let block = "\(name).transformer_blocks.\(index)"
      for (attention, keyWidth) in [("attn1", width), ("attn2", contextWidth)] {
        builder.linear("\(block).\(attention).to_q", width, width, bias: false)
        builder.linear("\(block).\(attention).to_k", width, keyWidth, bias: false)
        builder.linear("\(block).\(attention).to_v", width, keyWidth, bias: false)
        builder.linear("\(block).\(attention).to_out.0", width, width)
      }
      builder.linear("\(block).ff.net.0.proj", 8 * width, width)
      builder.linear("\(block).ff.net.2", width, 4 * width)
      for norm in ["norm1", "norm2", "norm3"] { builder.norm("\(block).\(norm)", width) }
    }
    builder.linear("\(name).proj_out", width, width)
  }
}

extension VAEConfiguration {
  /// Every tensor of the VAE, in the customary order.
  ///
  /// - Source: Stability-AI/generative-models, `sgm/modules/diffusionmodules/model.py`
  public var manifest: [ManifestEntry] {
    var builder = ManifestBuilder(.vae)
    guard let first = levelChannels.first, let last = levelChannels.last else { return [] }
    builder.convolution("encoder.conv_in", first, imageChannels, kernel: 3)
    var channels = first
    for (level, width) in levelChannels.enumerated() {
      for block in 0..<residualBlocksPerLevel {
        addResidual("encoder.down.\(level).block.\(block)", channels, width, to: &builder)
        channels = width
      }
      if level < levelChannels.count - 1 {
        builder.convolution("encoder.down.\(level).downsample.conv", width, width, kernel: 3)
      }
    }
    addMiddle("encoder.mid", last, to: &builder)
    builder.norm("encoder.norm_out", last)
    builder.convolution("encoder.conv_out", 2 * latentChannels, last, kernel: 3)
    builder.convolution("quant_conv", 2 * latentChannels, 2 * latentChannels, kernel: 1)
    builder.convolution("post_quant_conv", latentChannels, latentChannels, kernel: 1)
    builder.convolution("decoder.conv_in", last, latentChannels, kernel: 3)
    addMiddle("decoder.mid", last, to: &builder)
    for (level, width) in levelChannels.enumerated().reversed() {
      for block in 0...residualBlocksPerLevel {
        addResidual("decoder.up.\(level).block.\(block)", channels, width, to: &builder)
        channels = width
      }
      if level > 0 {
        builder.convolution("decoder.up.\(level).upsample.conv", width, width, kernel: 3)
      }
    }
    builder.norm("decoder.norm_out", first)
    builder.convolution("decoder.conv_out", imageChannels, first, kernel: 3)
    return builder.entries
  }

  private func addResidual(
    _ name: String, _ input: Int, _ output: Int, to builder: inout ManifestBuilder
  ) {
    builder.norm("\(name).norm1", input)
    builder.convolution("\(name).conv1", output, input, kernel: 3)
    builder.norm("\(name).norm2", output)
    builder.convolution("\(name).conv2", output, output, kernel: 3)
    if input != output { builder.convolution("\(name).nin_shortcut", output, input, kernel: 1) }
  }

  private func addMiddle(_ name: String, _ width: Int, to builder: inout ManifestBuilder) {
    addResidual("\(name).block_1", width, width, to: &builder)
    addResidual("\(name).block_2", width, width, to: &builder)
    builder.norm("\(name).attn_1.norm", width)
    for layer in ["q", "k", "v", "proj_out"] {
      builder.convolution("\(name).attn_1.\(layer)", width, width, kernel: 1)
    }
  }
}

extension TextEncoderConfiguration {
  /// Every tensor of the encoder as `part`, in the customary order: transformers' names for
  /// encoder 1, OpenCLIP's for encoder 2.
  ///
  /// - Source: transformers, `modeling_clip.py`; open_clip, `transformer.py`
  public func manifest(_ part: CheckpointPart) -> [ManifestEntry] {
    var builder = ManifestBuilder(part)
    if part == .textEncoder2 {
      addOpenCLIP(to: &builder)
    } else {
      addTransformers(to: &builder)
    }
    return builder.entries
  }

  private func addTransformers(to builder: inout ManifestBuilder) {
    let root = "text_model"
    builder.tensor("\(root).embeddings.token_embedding.weight", vocabularySize, width)
    builder.tensor("\(root).embeddings.position_embedding.weight", contextLength, width)
    for index in 0..<layerCount {
      let layer = "\(root).encoder.layers.\(index)"
      builder.norm("\(layer).layer_norm1", width)
      builder.norm("\(layer).layer_norm2", width)
      builder.linear("\(layer).mlp.fc1", innerWidth, width)
      builder.linear("\(layer).mlp.fc2", width, innerWidth)
      for projection in ["q_proj", "k_proj", "v_proj", "out_proj"] {
        builder.linear("\(layer).self_attn.\(projection)", width, width)
      }
    }
    builder.norm("\(root).final_layer_norm", width)
  }

  private func addOpenCLIP(to builder: inout ManifestBuilder) {
    builder.tensor("token_embedding.weight", vocabularySize, width)
    builder.tensor("positional_embedding", contextLength, width)
    for index in 0..<layerCount {
      let layer = "transformer.resblocks.\(index)"
      builder.tensor("\(layer).attn.in_proj_weight", 3 * width, width)
      builder.tensor("\(layer).attn.in_proj_bias", 3 * width)
      builder.linear("\(layer).attn.out_proj", width, width)
      builder.norm("\(layer).ln_1", width)
      builder.norm("\(layer).ln_2", width)
      builder.linear("\(layer).mlp.c_fc", innerWidth, width)
      builder.linear("\(layer).mlp.c_proj", width, innerWidth)
    }
    builder.norm("ln_final", width)
    if let projectionWidth { builder.tensor("text_projection", width, projectionWidth) }
  }
}
