import Graph

/// The blocks of one resolution, and the convolution that leads to the next one.
struct UNetLevel {
  let blocks: [UNetBlock]
  /// Stride 2 on the way down; behind the upsampling on the way up; nil at the end of the way.
  let resampling: Conv2D?
}

/// A residual block and, at the levels that have attention, a transformer.
struct UNetBlock {
  let residual: ResidualBlock
  let transformer: SpatialTransformer?

  init(
    _ scope: WeightScope, from input: Int, to output: Int, depth: Int,
    _ configuration: UNetConfiguration
  ) {
    residual = ResidualBlock(
      scope["0"], from: input, to: output, timeWidth: configuration.timeWidth)
    transformer =
      depth == 0
      ? nil
      : SpatialTransformer(
        scope["1"], width: output, contextWidth: configuration.contextWidth, depth: depth)
  }

  func callAsFunction(_ x: Tensor, time: Tensor, context: Tensor) -> Tensor {
    let h = residual(x, time: time)
    return transformer?(h, context: context) ?? h
  }
}

/// Residual block, transformer, residual block at the lowest resolution.
struct UNetMiddle {
  let first: UNetBlock
  let last: ResidualBlock

  init(_ scope: WeightScope, _ channels: Int, _ configuration: UNetConfiguration) {
    first = UNetBlock(
      scope, from: channels, to: channels, depth: configuration.middleDepth, configuration)
    last = ResidualBlock(
      scope["2"], from: channels, to: channels, timeWidth: configuration.timeWidth)
  }

  func callAsFunction(_ x: Tensor, time: Tensor, context: Tensor) -> Tensor {
    last(first(x, time: time, context: context), time: time)
  }
}

/// Counts blocks and channels along the UNet, as the single file numbers them: `input_blocks.I`
/// over all levels with the downsamplings, `output_blocks.I` with the upsampling in the last block
/// of a level.
struct UNetBuilder {
  let scope: WeightScope
  let configuration: UNetConfiguration
  private(set) var channels: Int
  /// Channels of the results that the way up reads, last first.
  private var skips: [Int]

  init(scope: WeightScope, configuration: UNetConfiguration) {
    self.scope = scope
    self.configuration = configuration
    channels = configuration.baseChannels
    skips = [configuration.baseChannels]
  }

  mutating func makeDown() -> [UNetLevel] {
    configuration.levelChannels.enumerated().map { level, width in
      var blocks: [UNetBlock] = []
      for _ in 0..<configuration.residualBlocksPerLevel {
        let place = scope["input_blocks.\(skips.count)"]
        blocks.append(makeBlock(place, from: channels, level: level))
        channels = width
        skips.append(width)
      }
      guard level < configuration.levelChannels.count - 1 else {
        return UNetLevel(blocks: blocks, resampling: nil)
      }
      let place = scope["input_blocks.\(skips.count).0.op"]
      skips.append(width)
      return UNetLevel(
        blocks: blocks, resampling: Conv2D(place, from: width, to: width, stride: 2))
    }
  }

  mutating func makeUp() -> [UNetLevel] {
    var index = 0
    return configuration.levelChannels.enumerated().reversed().map { level, width in
      var blocks: [UNetBlock] = []
      for _ in 0...configuration.residualBlocksPerLevel {
        let input = channels + skips.removeLast()
        blocks.append(makeBlock(scope["output_blocks.\(index)"], from: input, level: level))
        channels = width
        index += 1
      }
      guard level > 0 else { return UNetLevel(blocks: blocks, resampling: nil) }
      let position = configuration.transformerDepths[level] > 0 ? 2 : 1
      let place = scope["output_blocks.\(index - 1).\(position).conv"]
      return UNetLevel(blocks: blocks, resampling: Conv2D(place, from: width, to: width))
    }
  }

  private func makeBlock(_ place: WeightScope, from input: Int, level: Int) -> UNetBlock {
    UNetBlock(
      place, from: input, to: configuration.levelChannels[level],
      depth: configuration.transformerDepths[level], configuration)
  }
}
