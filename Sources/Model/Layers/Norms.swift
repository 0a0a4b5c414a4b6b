import Graph

/// Group norm over SDXL's 32 groups of channels, then an activation if asked.
struct GroupNorm {
  let weight: Tensor
  let bias: Tensor
  let epsilon: Double

  /// - Parameter epsilon: 1e-5 in the UNet's residual blocks and `out`, 1e-6 before its
  ///   transformers and in the VAE
  init(_ scope: WeightScope, width: Int, epsilon: Double) {
    weight = scope("weight", width)
    bias = scope("bias", width)
    self.epsilon = epsilon
  }

  /// - Parameters: `x` [N, H, W, width]
  func callAsFunction(_ x: Tensor, activation: Activation? = nil) -> Tensor {
    x.groupNormalized(
      weight, bias, groups: SDXLConfiguration.normGroupCount, epsilon: epsilon,
      activation: activation)
  }
}

/// Layer norm over the last dimension; epsilon 1e-5 everywhere in SDXL.
struct LayerNorm {
  let weight: Tensor
  let bias: Tensor

  init(_ scope: WeightScope, width: Int) {
    weight = scope("weight", width)
    bias = scope("bias", width)
  }

  /// - Parameters: `x` [..., width]
  func callAsFunction(_ x: Tensor) -> Tensor {
    x.layerNormalized(weight, bias, epsilon: 1e-5)
  }
}
