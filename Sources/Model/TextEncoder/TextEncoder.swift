import Graph

/// SDXL's first text encoder, CLIP ViT-L: quick GELU; its hidden state before the last layer.
///
/// The last layer and the final norm are stored in checkpoints, but no context needs them: they are
/// not declared here.
///
/// - Source: transformers, `models/clip/modeling_clip.py`
public struct TextEncoder1 {
  let embedding: TextEmbedding
  let layers: [TextLayer]

  /// Declares the parameters that the context needs, below `conditioner.embedders.0.transformer.`.
  public init(_ configuration: TextEncoderConfiguration, _ parameters: ParameterSource) {
    let scope = parameters.scope(.textEncoder1)
    let names = scope["text_model.embeddings"]
    embedding = TextEmbedding(
      tokens: names["token_embedding"](
        "weight", configuration.vocabularySize, configuration.width),
      positions: names["position_embedding"](
        "weight", configuration.contextLength, configuration.width))
    layers = (0..<configuration.layerCount - 1).map { index in
      TextLayer(
        scope[TextNaming.transformers.layer(index)], configuration, .transformers,
        activation: .quickGELU)
    }
  }

  /// - Parameters:
  ///   - ids: [N, T] i32, with the pads this encoder was trained with (49407)
  ///   - dtype: storage of the activations
  /// - Returns: [N, T, width], the first part of the UNet's context
  public func callAsFunction(_ ids: Tensor, dtype: DType = .f32) -> Tensor {
    layers.reduce(embedding(ids, dtype: dtype)) { $1($0) }
  }
}

/// SDXL's second text encoder, OpenCLIP ViT-bigG: erf GELU; its hidden state before the last layer,
/// and the pooled embedding `norm(last hidden state at the end token) text_projection`.
///
/// - Source: open_clip, `src/open_clip/transformer.py` (`TextTransformer`)
public struct TextEncoder2 {
  let embedding: TextEmbedding
  let layers: [TextLayer]
  let norm: LayerNorm
  /// [width, projection width]: it multiplies from the right, unlike a linear layer's weight.
  let projection: Tensor

  /// Declares every parameter below `conditioner.embedders.1.model.` but `logit_scale`.
  public init(_ configuration: TextEncoderConfiguration, _ parameters: ParameterSource) {
    let scope = parameters.scope(.textEncoder2)
    let width = configuration.width
    embedding = TextEmbedding(
      tokens: scope["token_embedding"]("weight", configuration.vocabularySize, width),
      positions: scope("positional_embedding", configuration.contextLength, width))
    layers = (0..<configuration.layerCount).map { index in
      TextLayer(
        scope[TextNaming.openCLIP.layer(index)], configuration, .openCLIP, activation: .gelu)
    }
    norm = LayerNorm(scope["ln_final"], width: width)
    projection = scope("text_projection", width, configuration.projectionWidth ?? width)
  }

  /// - Parameters:
  ///   - ids: [N, T] i32, with the pads this encoder was trained with (0)
  ///   - endRows: [N] i32, from `endRows(ids:length:)`
  ///   - dtype: storage of the activations
  /// - Returns: the second part of the UNet's context [N, T, width] and the pooled embedding
  ///   [N, projection width]
  public func callAsFunction(
    _ ids: Tensor, endRows: Tensor, dtype: DType = .f32
  ) -> (hidden: Tensor, pooled: Tensor) {
    let hidden = layers.dropLast().reduce(embedding(ids, dtype: dtype)) { $1($0) }
    let last = layers.last?(hidden) ?? hidden
    let (batch, length, width) = (last.shape[0], last.shape[1], last.shape[2])
    let end = last.reshaped(to: [batch * length, width]).rows(endRows)
    return (hidden, norm(end).product(projection))
  }

  /// For each prompt the row of its end token among all rows of the batch.
  ///
  /// The first 49407 counts: encoder 1 pads with it. A prompt without one is read at its start, as
  /// transformers does.
  ///
  /// - Parameters:
  ///   - ids: the prompts' ids, one prompt after the other
  ///   - length: ids of a prompt (77)
  public static func endRows(ids: [Int32], length: Int) -> [Int32] {
    stride(from: 0, to: ids.count, by: length).map { start in
      let prompt = ids[start..<min(start + length, ids.count)]
      return Int32(prompt.firstIndex(of: endToken) ?? start)
    }
  }

  /// CLIP's end of text.
  static let endToken: Int32 = 49407
}

/// `tokens[id] + positions`.
struct TextEmbedding {
  let tokens: Tensor, positions: Tensor

  /// - Parameters: `ids` [N, T] i32, T as long as the positions
  /// - Returns: [N, T, width]
  func callAsFunction(_ ids: Tensor, dtype: DType) -> Tensor {
    tokens.rows(ids).converted(to: dtype) + positions.reshaped(to: [1] + positions.shape)
  }
}
