import Graph

/// The encoder of SDXL's VAE: image to the mean and log variance of its latents.
///
/// - Source: Stability-AI/generative-models, `sgm/modules/diffusionmodules/model.py` (`Encoder`)
public struct VAEEncoder {
  /// Widths and depths.
  public let configuration: VAEConfiguration
  let input: Conv2D
  let levels: [VAELevel]
  let middle: VAEMiddle
  let norm: GroupNorm
  let output: Conv2D
  let moments: Linear

  /// Declares `first_stage_model.encoder.*` and `first_stage_model.quant_conv`.
  public init(_ configuration: VAEConfiguration, _ parameters: ParameterSource) {
    let root = parameters.scope(.vae)
    let scope = root["encoder"]
    let widths = configuration.levelChannels
    let (first, last) = (widths[0], widths[widths.count - 1])
    let count = 2 * configuration.latentChannels
    self.configuration = configuration
    input = Conv2D(scope["conv_in"], from: configuration.imageChannels, to: first)
    levels = widths.indices.map { level in
      let place = scope["down.\(level)"]
      let before = level == 0 ? first : widths[level - 1]
      let blocks = (0..<configuration.residualBlocksPerLevel).map { block in
        VAEResidualBlock(
          place["block.\(block)"], from: block == 0 ? before : widths[level], to: widths[level])
      }
      return VAELevel(
        blocks: blocks,
        resampling: level == widths.count - 1
          ? nil
          : Conv2D(
            place["downsample.conv"], from: widths[level], to: widths[level], stride: 2,
            padding: Convolution2D.Padding(top: 0, left: 0, bottom: 1, right: 1)))
    }
    middle = VAEMiddle(scope["mid"], width: last)
    norm = GroupNorm(scope["norm_out"], width: last, epsilon: 1e-6)
    output = Conv2D(scope["conv_out"], from: last, to: count)
    moments = Linear(root["quant_conv"], from: count, to: count)
  }

  /// - Parameter image: [N, H, W, 3] on [-1, 1], H and W multiples of `configuration.downscale`
  /// - Returns: mean and log variance (clamped to [-30, 20]) of the latents
  ///   [N, H / 8, W / 8, 4], not yet multiplied by the scaling factor 0.13025
  public func callAsFunction(_ image: Tensor) -> (mean: Tensor, logVariance: Tensor) {
    let scale = configuration.downscale
    precondition(
      image.shape[1] % scale == 0 && image.shape[2] % scale == 0,
      "an image of \(image.shape[1]) x \(image.shape[2]) is no multiple of \(scale)")
    var h = input(image)
    for level in levels {
      h = level(h)
      if let downsample = level.resampling { h = downsample(h) }
    }
    let both = moments(output(norm(middle(h), activation: .silu)))
    let count = configuration.latentChannels
    return (
      both.sliced(axis: 3, start: 0, count: count),
      both.sliced(axis: 3, start: count, count: count).clamped(to: -30...20)
    )
  }
}
