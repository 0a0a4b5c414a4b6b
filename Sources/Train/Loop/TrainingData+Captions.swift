import Graph
import Model

extension TrainingData {
  /// Puts texts' embeddings into the cache; the encoders are on the device meanwhile.
  /// - Parameters:
  ///   - shouldStop: asked before each text
  ///   - tell: told of each caption that is cut, and of each that is done
  func encode(
    _ texts: [EncodedText], _ backend: any Backend, _ plans: NetworkPlans<TextConditioner>,
    weights: ParameterReader, shouldStop: () -> Bool, tell: (TrainingEvent) -> Void
  ) throws {
    let conditioner = try TextConditioner(backend, plans, weights: weights, shape: 1)
    let tokenizer = CLIPTokenizer()
    for (index, text) in texts.enumerated() where !shouldStop() {
      let tokens = text.tokens(tokenizer, captionChunkLimit: captionChunkLimit)
      if tokens.truncatedCount > 0 {
        tell(
          .warning(
            "caption is \(tokens.truncatedCount) tokens too long, the end is ignored "
              + "(data.max_caption_chunks): \(text.text)"))
      }
      try store(conditioner.encode(tokens), for: text)
      tell(.caching(what: .captions, done: index + 1, total: texts.count))
    }
  }

  /// Puts the embeddings of all captions that are not there yet into the cache.
  public func cacheCaptions(_ backend: any Backend, _ parts: ModelParts) throws {
    let texts = missing(captions)
    guard !texts.isEmpty else { return }
    let plans = try NetworkPlans<TextConditioner>(backend, parts.textConfiguration)
    try encode(
      texts, backend, plans, weights: parts.textWeights, shouldStop: { false }, tell: { _ in })
  }

  /// The embeddings of a caption of the data, from the cache.
  /// - Throws: `InputError` when they have gone from there.
  public func conditioning(ofCaption caption: String) throws -> Conditioning {
    try conditioning(of: .caption(caption))
  }
}
