import Graph

/// The names of a text encoder's layers: transformers' for encoder 1, OpenCLIP's for encoder 2.
enum TextNaming {
  case transformers, openCLIP

  var norm1: String { self == .openCLIP ? "ln_1" : "layer_norm1" }
  var norm2: String { self == .openCLIP ? "ln_2" : "layer_norm2" }
  var expansion: String { self == .openCLIP ? "mlp.c_fc" : "mlp.fc1" }
  var contraction: String { self == .openCLIP ? "mlp.c_proj" : "mlp.fc2" }
  var attention: String { self == .openCLIP ? "attn" : "self_attn" }
  func layer(_ index: Int) -> String {
    self == .openCLIP ? "transformer.resblocks.\(index)" : "text_model.encoder.layers.\(index)"
  }
}

/// A layer of a CLIP text encoder: `h = x + attention(norm1(x))`, `h + mlp(norm2(h))`.
struct TextLayer {
  let norm1: LayerNorm, attention: TextAttention
  let norm2: LayerNorm, expansion: Linear, contraction: Linear
  let activation: Activation

  init(
    _ scope: WeightScope, _ configuration: TextEncoderConfiguration, _ naming: TextNaming,
    activation: Activation
  ) {
    let width = configuration.width
    norm1 = LayerNorm(scope[naming.norm1], width: width)
    attention = TextAttention(scope[naming.attention], width: width, naming)
    norm2 = LayerNorm(scope[naming.norm2], width: width)
    expansion = Linear(scope[naming.expansion], from: width, to: configuration.innerWidth)
    contraction = Linear(scope[naming.contraction], from: configuration.innerWidth, to: width)
    self.activation = activation
  }

  /// - Parameters: `x` [N, T, width]
  /// - Returns: [N, T, width]
  func callAsFunction(_ x: Tensor) -> Tensor {
    let h = attention(norm1(x), residual: x)
    return contraction(expansion(norm2(h)).activated(activation), residual: h)
  }
}

/// Causal self attention in heads of 64; padding is not masked.
struct TextAttention {
  /// How q, k and v are stored.
  enum Projections {
    case separate(query: Linear, key: Linear, value: Linear)
    /// One matrix [3 width, width], q above k above v: one product, whose result is cut in three.
    case joined(Linear)
  }

  let projections: Projections
  let output: Linear

  init(_ scope: WeightScope, width: Int, _ naming: TextNaming) {
    let linear = { (name: String) in Linear(scope[name], from: width, to: width) }
    projections =
      switch naming {
      case .transformers:
        .separate(query: linear("q_proj"), key: linear("k_proj"), value: linear("v_proj"))
      case .openCLIP:
        .joined(
          Linear(
            weight: scope("in_proj_weight", 3 * width, width),
            bias: scope("in_proj_bias", 3 * width)))
      }
    output = linear("out_proj")
  }

  /// - Parameters: `x`, `residual` [N, T, width]
  /// - Returns: [N, T, width]
  func callAsFunction(_ x: Tensor, residual: Tensor) -> Tensor {
    let width = x.shape[2]
    let parts: [Tensor]
    switch projections {
    case .separate(let query, let key, let value): parts = [query(x), key(x), value(x)]
    case .joined(let linear):
      let all = linear(x)
      parts = (0..<3).map { all.sliced(axis: 2, start: $0 * width, count: width) }
    }
    let attended = Tensor.attention(
      parts[0], parts[1], parts[2], heads: attentionHeadCount(width: width), isCausal: true)
    return output(attended, residual: residual)
  }
}
