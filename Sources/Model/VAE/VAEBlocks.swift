import Graph

/// VAE residual block: `shortcut(x) + conv2(silu(norm2(conv1(silu(norm1(x))))))`.
struct VAEResidualBlock {
  let norm1: GroupNorm, conv1: Conv2D, norm2: GroupNorm, conv2: Conv2D
  let shortcut: Linear?  // nil when input and output channels agree

  init(_ scope: WeightScope, from input: Int, to output: Int) {
    norm1 = GroupNorm(scope["norm1"], width: input, epsilon: 1e-6)
    conv1 = Conv2D(scope["conv1"], from: input, to: output)
    norm2 = GroupNorm(scope["norm2"], width: output, epsilon: 1e-6)
    conv2 = Conv2D(scope["conv2"], from: output, to: output)
    shortcut = input == output ? nil : Linear(scope["nin_shortcut"], from: input, to: output)
  }

  /// - Parameters: `x` [N, H, W, input]
  /// - Returns: [N, H, W, output]
  func callAsFunction(_ x: Tensor) -> Tensor {
    let h = conv1(norm1(x, activation: .silu))
    return conv2(norm2(h, activation: .silu), residual: shortcut?(x) ?? x)
  }
}

/// Self attention over the pixels with a single head as wide as the feature map is deep.
struct VAEAttention {
  let norm: GroupNorm, query: Linear, key: Linear, value: Linear, output: Linear

  init(_ scope: WeightScope, width: Int) {
    norm = GroupNorm(scope["norm"], width: width, epsilon: 1e-6)
    query = Linear(scope["q"], from: width, to: width)
    key = Linear(scope["k"], from: width, to: width)
    value = Linear(scope["v"], from: width, to: width)
    output = Linear(scope["proj_out"], from: width, to: width)
  }

  /// - Parameters: `x` [N, H, W, width]
  /// - Returns: [N, H, W, width]
  func callAsFunction(_ x: Tensor) -> Tensor {
    let shape = x.shape
    let sequence = [shape[0], shape[1] * shape[2], shape[3]]
    let h = norm(x).reshaped(to: sequence)
    let attended = Tensor.attention(query(h), key(h), value(h), heads: 1, isCausal: false)
    return output(attended, residual: x.reshaped(to: sequence)).reshaped(to: shape)
  }
}

/// Residual block, attention, residual block at the latents' resolution.
struct VAEMiddle {
  let first: VAEResidualBlock, attention: VAEAttention, last: VAEResidualBlock

  init(_ scope: WeightScope, width: Int) {
    first = VAEResidualBlock(scope["block_1"], from: width, to: width)
    attention = VAEAttention(scope["attn_1"], width: width)
    last = VAEResidualBlock(scope["block_2"], from: width, to: width)
  }

  /// - Parameters: `x` [N, H, W, width]
  /// - Returns: [N, H, W, width]
  func callAsFunction(_ x: Tensor) -> Tensor { last(attention(first(x))) }
}

/// The residual blocks of one resolution, and the convolution that leads to the next one.
struct VAELevel {
  let blocks: [VAEResidualBlock]
  /// Stride 2 in the encoder; behind the upsampling in the decoder; nil at the end.
  let resampling: Conv2D?

  /// - Parameters: `x` [N, H, W, input]
  /// - Returns: [N, H, W, output], before any resampling
  func callAsFunction(_ x: Tensor) -> Tensor { blocks.reduce(x) { $1($0) } }
}
