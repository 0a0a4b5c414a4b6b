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

/// Residual block, transformer, residual block at the lowest resolution, or the first alone.
struct UNetMiddle {
  let first: UNetBlock
  let last: ResidualBlock?

  init(_ scope: WeightScope, _ channels: Int, _ configuration: UNetConfiguration) {
    first = UNetBlock(
      scope, from: channels, to: channels, depth: configuration.middle.depth, configuration)
    last =
      configuration.middle == .residualBlock
      ? nil
      : ResidualBlock(
        scope["2"], from: channels, to: channels, timeWidth: configuration.timeWidth)
  }

  func callAsFunction(_ x: Tensor, time: Tensor, context: Tensor) -> Tensor {
    let h = first(x, time: time, context: context)
    return last?(h, time: time) ?? h
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
      for depth in configuration.depths[level].down {
        let place = scope["input_blocks.\(skips.count)"]
        blocks.append(UNetBlock(place, from: channels, to: width, depth: depth, configuration))
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
      for depth in configuration.depths[level].up {
        let input = channels + skips.removeLast()
        let place = scope["output_blocks.\(index)"]
        blocks.append(UNetBlock(place, from: input, to: width, depth: depth, configuration))
        channels = width
        index += 1
      }
      guard level > 0 else { return UNetLevel(blocks: blocks, resampling: nil) }
      let position = blocks.last?.transformer == nil ? 1 : 2
      let place = scope["output_blocks.\(index - 1).\(position).conv"]
      return UNetLevel(blocks: blocks, resampling: Conv2D(place, from: width, to: width))
    }
  }
}
