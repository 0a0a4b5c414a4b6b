import Synchronization

/// A caption as both text encoders take it.
public struct TokenizedCaption: Hashable, Sendable {
  /// 77 ids for encoder 1: start, text, end, padded with the end token.
  public var ids1: [Int]
  /// 77 ids for encoder 2: start, text, end, padded with 0.
  public var ids2: [Int]
  /// Tokens of the text that did not fit and were dropped.
  public var truncatedCount: Int

  /// Index of the first end token, where encoder 2's pooled embedding is read.
  public var endIndex: Int { ids1.firstIndex(of: CLIPTokenizer.endToken) ?? ids1.count - 1 }
}

/// CLIP's tokenizer: the same ids as transformers' CLIPTokenizer for any Unicode text.
///
/// Text is composed (NFC), white space becomes single spaces, letters become lower case; then it is
/// split into contractions, runs of letters, single digits and runs of anything else, and each
/// piece is byte-pair encoded. `<|startoftext|>` and `<|endoftext|>`, spelled exactly so, stand for
/// their tokens.
///
/// - Source: transformers 5.23.0, `models/clip/tokenization_clip.py`; tokenizers 0.23.3
public struct CLIPTokenizer: Sendable {
  /// Begins every text.
  public static let startToken = 49406
  /// Ends every text.
  public static let endToken = 49407
  /// Ids of a tokenized caption, start and end included.
  public static let contextLength = 77

  private let unicode = CLIPUnicode.shared
  private let encoder = BytePairEncoder.shared
  private let cache = PieceCache()

  public init() {}

  /// A caption cut or padded to 77 ids for each encoder.
  public func encode(_ text: String) -> TokenizedCaption {
    Self.caption(tokens(text)[...])
  }

  /// Tokens cut or padded to 77 ids for each encoder.
  static func caption(_ tokens: ArraySlice<Int>) -> TokenizedCaption {
    let kept = tokens.prefix(Self.contextLength - 2)
    let ids = [Self.startToken] + kept + [Self.endToken]
    let paddingCount = Self.contextLength - ids.count
    return TokenizedCaption(
      ids1: ids + Array(repeating: Self.endToken, count: paddingCount),
      ids2: ids + Array(repeating: 0, count: paddingCount),
      truncatedCount: tokens.count - kept.count)
  }

  /// The ids of the text alone: all of them, without start, end and padding.
  public func tokens(_ text: String) -> [Int] {
    let scalars = text.unicodeScalars.map(\.value)
    var ids: [Int] = []
    var start = 0
    var index = 0
    while index < scalars.count {
      if scalars[index] == 0x3C, let (token, count) = Self.specialToken(scalars[index...]) {
        appendTokens(of: Array(scalars[start..<index]), to: &ids)
        ids.append(token)
        index += count
        start = index
      } else {
        index += 1
      }
    }
    appendTokens(of: start == 0 ? scalars : Array(scalars[start...]), to: &ids)
    return ids
  }

  // MARK: Pieces

  private static let specialTokens: [(text: [UInt32], token: Int)] = [
    ("<|startoftext|>".unicodeScalars.map(\.value), startToken),
    ("<|endoftext|>".unicodeScalars.map(\.value), endToken),
  ]

  private static let contractions: [[UInt32]] = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"]
    .map { $0.unicodeScalars.map(\.value) }

  private static func specialToken(_ scalars: ArraySlice<UInt32>) -> (token: Int, count: Int)? {
    specialTokens.first { scalars.starts(with: $0.text) }.map { ($0.token, $0.text.count) }
  }

  private func appendTokens(of scalars: [UInt32], to ids: inout [Int]) {
    var text: [UInt32] = []
    text.reserveCapacity(scalars.count)
    for scalar in unicode.composed(scalars) { unicode.appendLowerCase(of: scalar, to: &text) }
    let pieces = pieces(text)
    cache.withTokens { tokens in
      for range in pieces {
        ids.append(contentsOf: tokens(PieceCache.Key(text[range]), encoder.ids))
      }
    }
  }

  private func pieces(_ text: [UInt32]) -> [Range<Int>] {
    var pieces: [Range<Int>] = []
    var start = 0
    func take(_ count: Int) {
      pieces.append(start..<start + count)
      start += count
    }
    while start < text.count {
      if text[start] == 0x3C, let (_, count) = Self.specialToken(text[start...]) {
        // Once in capital letters (the exact spelling is a token): the reference takes it as one
        // piece and then splits that by GPT-2's rules.
        take(2)
        take(count - 4)
        take(2)
      } else if text[start] == 0x27,
        let contraction = Self.contractions.first(where: { text[start...].starts(with: $0) })
      {
        take(contraction.count)
      } else {
        let kind = unicode.characterClass(of: text[start])
        switch kind {
        case .number: take(1)
        case .space: start += 1
        case .letter, .other:
          let rest = text[start...]
          let end = rest.firstIndex { unicode.characterClass(of: $0) != kind } ?? text.count
          take(end - start)
        }
      }
    }
    return pieces
  }
}

/// Ids of pieces seen before: captions repeat their words.
private final class PieceCache: Sendable {
  /// The UTF-8 of a piece. (A `String` would compare canonically equivalent texts as equal.)
  struct Key: Hashable {
    let bytes: [UInt8]

    init(_ scalars: ArraySlice<UInt32>) {
      var bytes: [UInt8] = []
      bytes.reserveCapacity(scalars.count)
      for scalar in scalars {
        if scalar < 0x80 {
          bytes.append(UInt8(scalar))
        } else if let scalar = Unicode.Scalar(scalar) {
          bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        }
      }
      self.bytes = bytes
    }

    func hash(into hasher: inout Hasher) {
      bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
    }
  }

  /// Longer pieces are rare and would fill memory.
  private static let pieceByteLimit = 64
  private static let pieceCountLimit = 1 << 16

  private let idsByPiece = Mutex<[Key: [Int]]>([:])

  /// Calls `body` with a function that gives a piece's ids, encoding those not seen yet.
  func withTokens(_ body: ((Key, ([UInt8]) -> [Int]) -> [Int]) -> Void) {
    idsByPiece.withLock { idsByPiece in
      body { key, encode in
        if let ids = idsByPiece[key] { return ids }
        let ids = encode(key.bytes)
        if key.bytes.count <= Self.pieceByteLimit {
          if idsByPiece.count >= Self.pieceCountLimit { idsByPiece.removeAll() }
          idsByPiece[key] = ids
        }
        return ids
      }
    }
  }
}
