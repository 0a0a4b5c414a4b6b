/// A prompt with emphasis, as users of A1111 and ComfyUI write it, in pieces of one weight each.
///
///     (word)       1.1 times      ((word))   1.21 times, and so on
///     (word:1.3)   1.3 times      [word]     1/1.1 times
///     \( \) \[ \]  the characters themselves; \\ a backslash before one of them or a bracket
///
/// Nested groups multiply. A bracket that is never closed counts to the end; one that closes nothing
/// is text.
/// - Source: AUTOMATIC1111/stable-diffusion-webui, wiki, "Features: Attention/emphasis".
public struct WeightedPrompt: Equatable, Sendable {
  /// A part of the prompt and the weight of its tokens.
  public struct Piece: Equatable, Sendable {
    public var text: String
    public var weight: Double
  }

  /// In order; none is empty, neighbours differ in weight.
  public private(set) var pieces: [Piece] = []

  /// A prompt whose brackets mean emphasis.
  public init(parsing text: String) {
    var parser = Parser()
    parser.parse(Array(text))
    for piece in parser.pieces where !piece.text.isEmpty {
      if let last = pieces.last, abs(last.weight - piece.weight) < 1e-9 {
        pieces[pieces.count - 1].text += piece.text
      } else {
        pieces.append(piece)
      }
    }
  }

  /// A prompt whose brackets are text.
  public init(plain text: String) {
    if !text.isEmpty { pieces = [Piece(text: text, weight: 1)] }
  }

  private struct Parser {
    var pieces: [Piece] = []
    private var text = ""
    /// For each open bracket, the index of the first piece in it.
    private var round: [Int] = []
    private var square: [Int] = []
    private static let step = 1.1

    mutating func parse(_ characters: [Character]) {
      var index = 0
      while index < characters.count {
        let character = characters[index]
        index += 1
        switch character {
        case "\\" where index < characters.count && "()[]\\".contains(characters[index]):
          text.append(characters[index])
          index += 1
        case "(":
          flush()
          round.append(pieces.count)
        case "[":
          flush()
          square.append(pieces.count)
        case ")" where !round.isEmpty:
          let weight = takeWeight()
          close(\.round, weight ?? Self.step)
        case "]" where !square.isEmpty:
          close(\.square, 1 / Self.step)
        default: text.append(character)
        }
      }
      while !round.isEmpty { close(\.round, Self.step) }
      while !square.isEmpty { close(\.square, 1 / Self.step) }
      flush()
    }

    private mutating func flush() {
      pieces.append(Piece(text: text, weight: 1))
      text = ""
    }

    private mutating func close(_ brackets: WritableKeyPath<Self, [Int]>, _ factor: Double) {
      flush()
      guard let start = self[keyPath: brackets].popLast() else { return }
      for index in start..<pieces.count { pieces[index].weight *= factor }
    }

    /// Takes `:NUMBER` off the end of the current text.
    private mutating func takeWeight() -> Double? {
      guard let colon = text.lastIndex(of: ":") else { return nil }
      let digits = text[text.index(after: colon)...].filter { !$0.isWhitespace }
      guard !digits.isEmpty, digits.allSatisfy({ "+-.0123456789".contains($0) }),
        let weight = Double(digits)
      else { return nil }
      text = String(text[..<colon])
      return weight
    }
  }
}

/// A prompt in chunks of 75 tokens, each with its own start and end.
public struct TokenizedPrompt: Equatable, Sendable {
  /// 77 ids for each encoder, and as many weights.
  public struct Chunk: Equatable, Sendable {
    public var caption: TokenizedCaption
    /// 1 for start, end and padding.
    public var weights: [Float]
  }

  /// At least one.
  public var chunks: [Chunk]
  /// Tokens that did not fit into the chunks allowed.
  public var truncatedCount: Int
}

extension CLIPTokenizer {
  /// A word of so many tokens or more may be cut by the end of a chunk.
  private static let longWordCount = 8

  private struct WeightedToken {
    var id: Int
    var weight: Float
  }

  /// A prompt cut into as many chunks as it needs, up to a limit.
  ///
  /// A word that does not fit into the rest of a chunk begins the next, unless it has 8 tokens or more.
  /// With a limit of one chunk there is no next one: it is filled to the brim, as CLIP's own truncation
  /// does.
  /// - Source: ComfyUI, `comfy/sd1_clip.py` (A1111 goes back to a comma among the last 20 tokens).
  public func encode(_ prompt: WeightedPrompt, chunkLimit: Int = .max) -> TokenizedPrompt {
    let size = Self.contextLength - 2
    let words = words(of: prompt)
    var chunks: [[WeightedToken]] = [[]]
    for word in words {
      let isCut = word.count >= Self.longWordCount || chunkLimit <= 1
      if !isCut, chunks[chunks.count - 1].count + word.count > size { chunks.append([]) }
      for token in word {
        if chunks[chunks.count - 1].count == size { chunks.append([]) }
        chunks[chunks.count - 1].append(token)
      }
    }
    let kept = chunks.prefix(max(1, chunkLimit))
    let total = words.reduce(0) { $0 + $1.count }
    return TokenizedPrompt(
      chunks: kept.map(Self.chunk), truncatedCount: total - kept.reduce(0) { $0 + $1.count })
  }

  /// The tokens of each word; a word ends with white space and where the weight changes.
  private func words(of prompt: WeightedPrompt) -> [[WeightedToken]] {
    prompt.pieces.flatMap { piece in
      piece.text.split { $0 == " " || $0 == "\t" || $0.isNewline }.map { word in
        tokens(String(word)).map { WeightedToken(id: $0, weight: Float(piece.weight)) }
      }
    }
  }

  private static func chunk(_ tokens: [WeightedToken]) -> TokenizedPrompt.Chunk {
    let padding = [Float](repeating: 1, count: contextLength - 1 - tokens.count)
    return TokenizedPrompt.Chunk(
      caption: caption(tokens.map(\.id)[...]), weights: [1] + tokens.map(\.weight) + padding)
  }
}
