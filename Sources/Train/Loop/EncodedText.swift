import Data
import Model

/// A text whose embeddings are kept in the cache.
enum EncodedText: Hashable, Sendable {
  /// A caption of the data: brackets are text.
  case caption(String)
  /// A prompt of a picture to draw: brackets mean emphasis, and it may have any length.
  case prompt(String)

  /// As it was written.
  var text: String {
    switch self {
    case .caption(let text), .prompt(let text): text
    }
  }

  /// - Parameter captionChunkLimit: chunks of 75 tokens that a caption may have
  func tokens(_ tokenizer: CLIPTokenizer, captionChunkLimit: Int) -> TokenizedPrompt {
    switch self {
    case .caption(let text):
      tokenizer.encode(WeightedPrompt(plain: text), chunkLimit: captionChunkLimit)
    case .prompt(let text): tokenizer.encode(WeightedPrompt(parsing: text))
    }
  }

  /// - Parameter encoderHash: digest of the text encoders' weights
  func cacheKey(encoderHash: String, captionChunkLimit: Int) -> CacheKey {
    switch self {
    case .caption(let text) where captionChunkLimit == 1:
      .textEmbedding(caption: text, encoderHash: encoderHash)
    case .caption(let text):
      CacheKey(kind: "long text 2", [text, encoderHash, String(captionChunkLimit)])
    case .prompt(let text): CacheKey(kind: "prompt 2", [text, encoderHash])
    }
  }
}
