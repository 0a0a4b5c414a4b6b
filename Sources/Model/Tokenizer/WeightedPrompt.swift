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
  /// A prompt cut into as many chunks as it needs, up to a limit.
  public func encode(_ prompt: WeightedPrompt, chunkLimit: Int = .max) -> TokenizedPrompt {
    var ids: [Int] = []
    var weights: [Float] = []
    for piece in prompt.pieces {
      let tokens = tokens(piece.text)
      ids += tokens
      weights += [Float](repeating: Float(piece.weight), count: tokens.count)
    }
    let size = Self.contextLength - 2
    let needed = max(1, (ids.count + size - 1) / size)
    let count = min(needed, max(1, chunkLimit))
    let chunks = (0..<count).map { index in
      let range = index * size..<min(ids.count, (index + 1) * size)
      let padding = [Float](repeating: 1, count: Self.contextLength - 1 - range.count)
      return TokenizedPrompt.Chunk(
        caption: Self.caption(ids[range]), weights: [1] + weights[range] + padding)
    }
    return TokenizedPrompt(chunks: chunks, truncatedCount: max(0, ids.count - count * size))
  }
}
