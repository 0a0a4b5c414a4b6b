import Graph

/// Transformer blocks over the pixels of a feature map: `x + out(blocks(in(norm(x))))`.
struct SpatialTransformer {
  let norm: GroupNorm, input: Linear, blocks: [TransformerBlock], output: Linear

  init(_ scope: WeightScope, width: Int, contextWidth: Int, depth: Int) {
    norm = GroupNorm(scope["norm"], width: width, epsilon: 1e-6)
    input = Linear(scope["proj_in"], from: width, to: width)
    blocks = (0..<depth).map { index in
      TransformerBlock(
        scope["transformer_blocks.\(index)"], width: width, contextWidth: contextWidth)
    }
    output = Linear(scope["proj_out"], from: width, to: width)
  }

  /// - Parameters: `x` [N, H, W, width]; `context` [N, T, contextWidth]
  /// - Returns: [N, H, W, width]
  func callAsFunction(_ x: Tensor, context: Tensor) -> Tensor {
    let shape = x.shape
    let sequence = [shape[0], shape[1] * shape[2], shape[3]]
    var h = input(norm(x).reshaped(to: sequence))
    for block in blocks { h = block(h, context: context) }
    return output(h, residual: x.reshaped(to: sequence)).reshaped(to: shape)
  }
}

/// Self attention, attention to the context, feed-forward; each after a norm and added to its input.
struct TransformerBlock {
  let norm1: LayerNorm, selfAttention: CrossAttention
  let norm2: LayerNorm, crossAttention: CrossAttention
  let norm3: LayerNorm, gate: Linear, output: Linear

  init(_ scope: WeightScope, width: Int, contextWidth: Int) {
    norm1 = LayerNorm(scope["norm1"], width: width)
    selfAttention = CrossAttention(scope["attn1"], width: width, contextWidth: width)
    norm2 = LayerNorm(scope["norm2"], width: width)
    crossAttention = CrossAttention(scope["attn2"], width: width, contextWidth: contextWidth)
    norm3 = LayerNorm(scope["norm3"], width: width)
    gate = Linear(scope["ff.net.0.proj"], from: width, to: 8 * width)
    output = Linear(scope["ff.net.2"], from: 4 * width, to: width)
  }

  /// - Parameters: `x` [N, S, width]; `context` [N, T, contextWidth]
  /// - Returns: [N, S, width]
  func callAsFunction(_ x: Tensor, context: Tensor) -> Tensor {
    x.graph.region("transformer block") {
      let normalized = norm1(x)
      let h1 = selfAttention(normalized, context: normalized, residual: x)
      let h2 = crossAttention(norm2(h1), context: context, residual: h1)
      return output(gate(norm3(h2)).geglu(), residual: h2)
    }
  }
}

/// `residual + out(softmax(q k^T / sqrt(64)) v)`, with q from x and k, v from the context.
struct CrossAttention {
  let query: Linear, key: Linear, value: Linear, output: Linear

  init(_ scope: WeightScope, width: Int, contextWidth: Int) {
    query = Linear(scope["to_q"], from: width, to: width, hasBias: false)
    key = Linear(scope["to_k"], from: contextWidth, to: width, hasBias: false)
    value = Linear(scope["to_v"], from: contextWidth, to: width, hasBias: false)
    output = Linear(scope["to_out.0"], from: width, to: width)
  }

  /// - Parameters: `x`, `residual` [N, S, width]; `context` [N, T, contextWidth]
  /// - Returns: [N, S, width]
  func callAsFunction(_ x: Tensor, context: Tensor, residual: Tensor) -> Tensor {
    let attended = Tensor.attention(
      query(x), key(context), value(context),
      heads: attentionHeadCount(width: query.weight.shape[0]), isCausal: false)
    return output(attended, residual: residual)
  }
}

/// Heads of SDXL's fixed width. A model narrower than one head has one, as wide as itself.
func attentionHeadCount(width: Int) -> Int { max(1, width / SDXLConfiguration.headWidth) }
