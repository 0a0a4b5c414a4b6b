/// The four parts of an SDXL single-file checkpoint.
public enum CheckpointPart: String, Hashable, Sendable, CaseIterable {
  case unet, vae, textEncoder1, textEncoder2

  /// How every name of the part begins.
  public var prefix: String {
    switch self {
    case .unet: "model.diffusion_model."
    case .vae: "first_stage_model."
    case .textEncoder1: "conditioner.embedders.0.transformer."
    case .textEncoder2: "conditioner.embedders.1.model."
    }
  }

  /// What people call it.
  public var title: String {
    switch self {
    case .unet: "UNet"
    case .vae: "VAE"
    case .textEncoder1: "text encoder 1"
    case .textEncoder2: "text encoder 2"
    }
  }

  /// The part that a tensor's name belongs to; nil for names outside all four.
  public init?(containing name: String) {
    guard let part = Self.allCases.first(where: { name.hasPrefix($0.prefix) }) else { return nil }
    self = part
  }
}

/// Widths and depths of an SDXL model: what its tensor names and shapes say.
///
/// Only the attention heads' width and the number of norm groups are fixed, because no tensor shows
/// them. A part that a file does not hold is nil.
public struct SDXLConfiguration: Hashable, Sendable {
  /// Width of an attention head in the UNet and both text encoders (the VAE has one wide head).
  public static let headWidth = 64
  /// Groups of every group norm.
  public static let normGroupCount = 32

  /// The UNet.
  public var unet: UNetConfiguration
  /// The VAE; nil when the file has none.
  public var vae: VAEConfiguration?
  /// CLIP ViT-L in SDXL; nil when the file has none.
  public var textEncoder1: TextEncoderConfiguration?
  /// OpenCLIP ViT-bigG in SDXL; nil when the file has none.
  public var textEncoder2: TextEncoderConfiguration?

  public init(
    unet: UNetConfiguration, vae: VAEConfiguration?, textEncoder1: TextEncoderConfiguration?,
    textEncoder2: TextEncoderConfiguration?
  ) {
    self.unet = unet
    self.vae = vae
    self.textEncoder1 = textEncoder1
    self.textEncoder2 = textEncoder2
  }

  /// The parts it describes.
  public var parts: Set<CheckpointPart> {
    var parts: Set<CheckpointPart> = [.unet]
    if vae != nil { parts.insert(.vae) }
    if textEncoder1 != nil { parts.insert(.textEncoder1) }
    if textEncoder2 != nil { parts.insert(.textEncoder2) }
    return parts
  }

  /// Every tensor of the model in the customary order: UNet, VAE, text encoder 1, text encoder 2.
  public var manifest: [ManifestEntry] {
    unet.manifest + (vae?.manifest ?? []) + (textEncoder1?.manifest(.textEncoder1) ?? [])
      + (textEncoder2?.manifest(.textEncoder2) ?? [])
  }
}

/// Sizes of the SDXL VAE.
public struct VAEConfiguration: Hashable, Sendable {
  /// Channels of an image (3).
  public var imageChannels: Int
  /// Channels of a latent (4).
  public var latentChannels: Int
  /// Channels of each level; each level but the last halves the resolution.
  public var levelChannels: [Int]
  /// Residual blocks of each level in the encoder; the decoder has one more.
  public var residualBlocksPerLevel: Int

  public init(
    imageChannels: Int = 3, latentChannels: Int = 4, levelChannels: [Int],
    residualBlocksPerLevel: Int = 2
  ) {
    self.imageChannels = imageChannels
    self.latentChannels = latentChannels
    self.levelChannels = levelChannels
    self.residualBlocksPerLevel = residualBlocksPerLevel
  }

  /// Image pixels along a side of one latent pixel.
  public var downscale: Int { 1 << (levelChannels.count - 1) }
}

/// Sizes of a CLIP text encoder.
public struct TextEncoderConfiguration: Hashable, Sendable {
  /// Channels of the hidden state.
  public var width: Int
  /// Transformer layers, the last one included.
  public var layerCount: Int
  /// Width inside the feed-forward network.
  public var innerWidth: Int
  /// Width of the pooled embedding; nil for encoder 1, which has no projection.
  public var projectionWidth: Int?
  /// Rows of the token embedding.
  public var vocabularySize: Int
  /// Rows of the position embedding.
  public var contextLength: Int

  public init(
    width: Int, layerCount: Int, innerWidth: Int, projectionWidth: Int?,
    vocabularySize: Int = 49408, contextLength: Int = 77
  ) {
    self.width = width
    self.layerCount = layerCount
    self.innerWidth = innerWidth
    self.projectionWidth = projectionWidth
    self.vocabularySize = vocabularySize
    self.contextLength = contextLength
  }
}

extension SDXLConfiguration {
  /// SDXL base 1.0.
  public static let full = SDXLConfiguration(
    unet: UNetConfiguration(
      baseChannels: 320, channelMultipliers: [1, 2, 4], transformerDepths: [0, 2, 10],
      middleDepth: 10, contextWidth: 2048, conditioningWidth: 2816),
    vae: VAEConfiguration(levelChannels: [128, 256, 512, 512]),
    textEncoder1: TextEncoderConfiguration(
      width: 768, layerCount: 12, innerWidth: 3072, projectionWidth: nil),
    textEncoder2: TextEncoderConfiguration(
      width: 1280, layerCount: 32, innerWidth: 5120, projectionWidth: 1280))

  /// A small model of the same layout, for tests.
  public static let tiny = SDXLConfiguration(
    unet: UNetConfiguration(
      baseChannels: 32, channelMultipliers: [1, 2, 4], transformerDepths: [0, 1, 2],
      middleDepth: 2, contextWidth: 192, conditioningWidth: 128 + 1536),
    vae: VAEConfiguration(levelChannels: [32, 32, 64, 64]),
    textEncoder1: TextEncoderConfiguration(
      width: 64, layerCount: 3, innerWidth: 256, projectionWidth: nil),
    textEncoder2: TextEncoderConfiguration(
      width: 128, layerCount: 3, innerWidth: 512, projectionWidth: 128))

  /// A small model with uneven widths and depths, so that tests find what is fixed to one size.
  public static let odd = SDXLConfiguration(
    unet: UNetConfiguration(
      baseChannels: 96, channelMultipliers: [1, 2, 2], transformerDepths: [0, 1, 3],
      middleDepth: 3, contextWidth: 320, conditioningWidth: 192 + 1536),
    vae: VAEConfiguration(levelChannels: [32, 64, 96, 96]),
    textEncoder1: TextEncoderConfiguration(
      width: 128, layerCount: 2, innerWidth: 512, projectionWidth: nil),
    textEncoder2: TextEncoderConfiguration(
      width: 192, layerCount: 4, innerWidth: 768, projectionWidth: 192))
}
