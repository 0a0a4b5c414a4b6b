/// Sizes of the SDXL UNet. In names, level l is the resolution divided by 2^l.
public struct UNetConfiguration: Hashable, Sendable {
  /// Channels of the noisy latents (4; more for inpainting models).
  public var inputChannels: Int
  /// Channels of the prediction (4).
  public var outputChannels: Int
  /// Channels after the first convolution; the time embedding is 4 times as wide.
  public var baseChannels: Int
  /// Channels of each level, as multiples of `baseChannels`.
  public var channelMultipliers: [Int]
  /// Transformer blocks behind each residual block, by level.
  public var depths: [LevelDepths]
  /// What stands in the middle.
  public var middle: Middle
  /// Width of the context that cross attention reads: both text encoders' widths together.
  public var contextWidth: Int
  /// Width of `label_emb`'s input: pooled text and six embedded numbers of micro-conditioning.
  public var conditioningWidth: Int

  /// Transformer blocks behind each residual block of a level; 0 where there is no attention. SDXL
  /// has the same number throughout a level, models distilled from it (SSD-1B) have not.
  public struct LevelDepths: Hashable, Sendable {
    /// On the way down, as many at each level.
    public var down: [Int]
    /// On the way up, in the order in which they run: one more than on the way down.
    public var up: [Int]

    public init(down: [Int], up: [Int]) {
      self.down = down
      self.up = up
    }
  }

  /// The lowest resolution: a residual block, transformer blocks, a residual block.
  public enum Middle: Hashable, Sendable {
    /// With 0, the residual blocks alone.
    case transformer(depth: Int)
    /// One residual block and nothing else (SSD-1B).
    case residualBlock

    /// Transformer blocks.
    public var depth: Int {
      switch self {
      case .transformer(let depth): depth
      case .residualBlock: 0
      }
    }
  }

  public init(
    inputChannels: Int = 4, outputChannels: Int = 4, baseChannels: Int,
    channelMultipliers: [Int], depths: [LevelDepths], middle: Middle, contextWidth: Int,
    conditioningWidth: Int
  ) {
    precondition(depths.count == channelMultipliers.count)
    precondition(depths.allSatisfy { $0.down.count == depths[0].down.count })
    precondition(depths.allSatisfy { $0.up.count == $0.down.count + 1 })
    self.inputChannels = inputChannels
    self.outputChannels = outputChannels
    self.baseChannels = baseChannels
    self.channelMultipliers = channelMultipliers
    self.depths = depths
    self.middle = middle
    self.contextWidth = contextWidth
    self.conditioningWidth = conditioningWidth
  }

  /// A UNet with one depth throughout each level.
  ///
  /// - Parameters:
  ///   - residualBlocksPerLevel: on the way down
  ///   - transformerDepths: behind each residual block of a level
  public init(
    inputChannels: Int = 4, outputChannels: Int = 4, baseChannels: Int,
    channelMultipliers: [Int], residualBlocksPerLevel: Int = 2, transformerDepths: [Int],
    middleDepth: Int, contextWidth: Int, conditioningWidth: Int
  ) {
    self.init(
      inputChannels: inputChannels, outputChannels: outputChannels, baseChannels: baseChannels,
      channelMultipliers: channelMultipliers,
      depths: transformerDepths.map { depth in
        LevelDepths(
          down: Array(repeating: depth, count: residualBlocksPerLevel),
          up: Array(repeating: depth, count: residualBlocksPerLevel + 1))
      },
      middle: .transformer(depth: middleDepth), contextWidth: contextWidth,
      conditioningWidth: conditioningWidth)
  }

  /// Width of each of the six embedded micro-conditioning numbers.
  public static let timeIDWidth = 256

  /// Residual blocks of each level on the way down; one more on the way up.
  public var residualBlocksPerLevel: Int { depths[0].down.count }
  /// Channels of each level.
  public var levelChannels: [Int] { channelMultipliers.map { $0 * baseChannels } }
  /// Width of the time embedding.
  public var timeWidth: Int { 4 * baseChannels }
  /// Width of the pooled text embedding.
  public var pooledWidth: Int { conditioningWidth - 6 * Self.timeIDWidth }
}
