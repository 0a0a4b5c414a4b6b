import Graph

/// The decoder of SDXL's VAE: latents to an image.
///
/// - Source: Stability-AI/generative-models, `sgm/modules/diffusionmodules/model.py` (`Decoder`)
public struct VAEDecoder {
  /// Widths and depths.
  public let configuration: VAEConfiguration
  let latentInput: Linear
  let input: Conv2D
  let middle: VAEMiddle
  /// From the lowest resolution to the highest.
  let levels: [VAELevel]
  let norm: GroupNorm
  let output: Conv2D

  /// Declares `first_stage_model.post_quant_conv` and `first_stage_model.decoder.*`.
  public init(_ configuration: VAEConfiguration, _ parameters: ParameterSource) {
    let root = parameters.scope(.vae)
    let scope = root["decoder"]
    let widths = configuration.levelChannels
    let (first, last) = (widths[0], widths[widths.count - 1])
    let count = configuration.latentChannels
    self.configuration = configuration
    latentInput = Linear(root["post_quant_conv"], from: count, to: count)
    input = Conv2D(scope["conv_in"], from: count, to: last)
    middle = VAEMiddle(scope["mid"], width: last)
    levels = widths.indices.reversed().map { level in
      let place = scope["up.\(level)"]
      let before = level == widths.count - 1 ? last : widths[level + 1]
      let blocks = (0...configuration.residualBlocksPerLevel).map { block in
        VAEResidualBlock(
          place["block.\(block)"], from: block == 0 ? before : widths[level], to: widths[level])
      }
      return VAELevel(
        blocks: blocks,
        resampling: level == 0
          ? nil : Conv2D(place["upsample.conv"], from: widths[level], to: widths[level]))
    }
    norm = GroupNorm(scope["norm_out"], width: first, epsilon: 1e-6)
    output = Conv2D(scope["conv_out"], from: first, to: configuration.imageChannels)
  }

  /// - Parameter latents: [N, H, W, 4], already divided by the scaling factor 0.13025
  /// - Returns: [N, 8 H, 8 W, 3], on about [-1, 1], not clamped
  public func callAsFunction(_ latents: Tensor) -> Tensor {
    var h = middle(input(latentInput(latents)))
    for level in levels {
      h = level(h)
      if let convolution = level.resampling { h = convolution(h.upsampled()) }
    }
    return output(norm(h, activation: .silu))
  }
}
