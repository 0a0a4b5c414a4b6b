import Graph

/// The SDXL UNet: predicts noise, velocity or flow from noisy latents, time and text.
///
/// - Source: Stability-AI/generative-models, `sgm/modules/diffusionmodules/openaimodel.py`; names
///   and structure as in sd_xl_base_1.0.safetensors
public struct UNet {
  /// Widths and depths.
  public let configuration: UNetConfiguration
  let embedding: ConditionEmbedding
  let input: Conv2D
  let down: [UNetLevel]
  let middle: UNetMiddle
  let up: [UNetLevel]
  let norm: GroupNorm
  let output: Conv2D

  /// Declares the UNet's parameters, every tensor below `model.diffusion_model.`.
  public init(_ configuration: UNetConfiguration, _ parameters: ParameterSource) {
    let scope = parameters.scope(.unet)
    self.configuration = configuration
    embedding = ConditionEmbedding(scope, configuration)
    input = Conv2D(
      scope["input_blocks.0.0"], from: configuration.inputChannels,
      to: configuration.baseChannels)
    var builder = UNetBuilder(scope: scope, configuration: configuration)
    down = builder.makeDown()
    middle = UNetMiddle(scope["middle_block"], builder.channels, configuration)
    up = builder.makeUp()
    norm = GroupNorm(scope["out.0"], width: builder.channels, epsilon: 1e-5)
    output = Conv2D(scope["out.2"], from: builder.channels, to: configuration.outputChannels)
  }

  /// - Parameters:
  ///   - latents: [N, H, W, input channels], H and W multiples of `configuration.latentMultiple`
  ///   - time: [N] f32 in timesteps: the integer timestep, or 1000 t for flow matching
  ///   - context: [N, T, context width]: both text encoders' hidden states side by side
  ///   - pooled: [N, pooled width]: text encoder 2's pooled embedding
  ///   - timeIDs: [N, 6] f32: original height, width, crop top, left, target height, width
  ///   - dtype: storage of the activations. What time, sizes and the pooled embedding become is f32
  ///     whatever it is: 16 bits would blur the time, and it is little work.
  /// - Returns: [N, H, W, output channels], stored as the latents
  public func callAsFunction(
    _ latents: Tensor, time: Tensor, context: Tensor, pooled: Tensor, timeIDs: Tensor,
    dtype: DType = .f32
  ) -> Tensor {
    let multiple = configuration.latentMultiple
    precondition(
      latents.shape[1] % multiple == 0 && latents.shape[2] % multiple == 0,
      "latents of \(latents.shape[1]) x \(latents.shape[2]) are no multiples of \(multiple)")
    let context = context.converted(to: dtype)
    let condition = embedding(time: time, pooled: pooled, timeIDs: timeIDs).activated(.silu)
    var h = input(latents, dtype: dtype)
    var skips = [h]
    for level in down {
      for block in level.blocks {
        h = block(h, time: condition, context: context)
        skips.append(h)
      }
      if let downsample = level.resampling {
        h = downsample(h)
        skips.append(h)
      }
    }
    h = middle(h, time: condition, context: context)
    for level in up {
      for block in level.blocks {
        let joined = Tensor.concatenated([h, skips.removeLast()], axis: 3)
        h = block(joined, time: condition, context: context)
      }
      if let convolution = level.resampling { h = convolution(h.upsampled()) }
    }
    return output(norm(h, activation: .silu), dtype: latents.dtype)
  }
}

extension UNetConfiguration {
  /// Latent heights and widths are multiples of this, or a skip would not fit where it is joined.
  public var latentMultiple: Int { 1 << (channelMultipliers.count - 1) }
}
