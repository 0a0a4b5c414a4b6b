import Graph

/// SDXL residual block: `shortcut(x) + conv2(silu(norm2(conv1(silu(norm1(x))) + proj(time))))`.
struct ResidualBlock {
  let norm1: GroupNorm, conv1: Conv2D, timeProjection: Linear, norm2: GroupNorm, conv2: Conv2D
  let shortcut: Linear?  // nil when input and output channels agree

  init(_ scope: WeightScope, from input: Int, to output: Int, timeWidth: Int) {
    norm1 = GroupNorm(scope["in_layers.0"], width: input, epsilon: 1e-5)
    conv1 = Conv2D(scope["in_layers.2"], from: input, to: output)
    timeProjection = Linear(scope["emb_layers.1"], from: timeWidth, to: output)
    norm2 = GroupNorm(scope["out_layers.0"], width: output, epsilon: 1e-5)
    conv2 = Conv2D(scope["out_layers.3"], from: output, to: output)
    shortcut =
      input == output ? nil : Linear(scope["skip_connection"], from: input, to: output)
  }

  /// - Parameters: `x` [N, H, W, input]; `time` [N, timeWidth], with its SiLU applied, which is the
  ///   same for every block
  /// - Returns: [N, H, W, output]
  func callAsFunction(_ x: Tensor, time: Tensor) -> Tensor {
    x.graph.region("residual block") {
      let shift = timeProjection(time)
      let h = conv1(norm1(x, activation: .silu))
      let shifted = h + shift.reshaped(to: [h.shape[0], 1, 1, h.shape[3]])
      return conv2(norm2(shifted, activation: .silu), residual: shortcut?(x) ?? x)
    }
  }
}
