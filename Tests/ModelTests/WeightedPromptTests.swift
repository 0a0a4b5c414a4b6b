import Testing

@testable import Model

/// Emphasis and chunks of prompts.
@Suite struct WeightedPromptTests {
  /// Pieces as `text*weight`, which A1111's parser gives for the same prompts.
  @Test(arguments: [
    ("a fox", ["a fox*1.0"]),
    ("a (red) fox", ["a *1.0", "red*1.1", " fox*1.0"]),
    ("((red))", ["red*1.21"]),
    ("(red:1.3)", ["red*1.3"]), ("(red: 1.3 )", ["red*1.3"]), ("(red:.5)", ["red*0.5"]),
    ("[red]", ["red*0.909"]), ("[(red)]", ["red*1.0"]),
    ("(a (b:2) c:1.5)", ["a *1.5", "b*3.0", " c*1.5"]),
    ("smile \\(anime\\) \\[x\\]", ["smile (anime) [x]*1.0"]),
    ("C:\\dir", ["C:\\dir*1.0"]), ("\\\\(a)", ["\\*1.0", "a*1.1"]),
    ("(unclosed", ["unclosed*1.1"]), ("closed) [x", ["closed) *1.0", "x*0.909"]),
    ("(a:b)", ["a:b*1.1"]), ("12:30 (x)", ["12:30 *1.0", "x*1.1"]), ("", []), ("()", []),
    ("(a)(b)", ["ab*1.1"]), ("(a:nan)", ["a:nan*1.1"]), ("(off:0)", ["off*0.0"]),
  ])
  func pieces(_ text: String, _ expected: [String]) {
    let found = WeightedPrompt(parsing: text).pieces.map {
      "\($0.text)*\(($0.weight * 1000).rounded() / 1000)"
    }
    #expect(found == expected)
  }

  @Test func plainTextKeepsItsBrackets() {
    #expect(WeightedPrompt(plain: "(a) [b]").pieces == [.init(text: "(a) [b]", weight: 1)])
  }

  @Test func oneChunkIsTheCaption() {
    let tokenizer = CLIPTokenizer()
    for text in ["", "a red fox in the snow"] {
      let tokens = tokenizer.encode(WeightedPrompt(parsing: text))
      #expect(tokens.chunks.map(\.caption) == [tokenizer.encode(text)])
      #expect(tokens.chunks[0].weights == [Float](repeating: 1, count: 77))
    }
  }

  @Test func chunksOfSeventyFive() {
    let tokenizer = CLIPTokenizer()
    let words = (0..<160).map { ["red", "fox", "snow"][$0 % 3] }
    let all = tokenizer.tokens(words.joined(separator: " "))
    #expect(all.count == 160)
    let text =
      words[..<80].joined(separator: " ") + " (" + words[80...].joined(separator: " ") + ":2)"
    let tokens = tokenizer.encode(WeightedPrompt(parsing: text))
    #expect(tokens.chunks.count == 3 && tokens.truncatedCount == 0)
    for (index, chunk) in tokens.chunks.enumerated() {
      let part = Array(all[index * 75..<min(160, index * 75 + 75)])
      let padding = 75 - part.count
      #expect(chunk.caption.ids1 == [49406] + part + [Int](repeating: 49407, count: padding + 1))
      #expect(
        chunk.caption.ids2 == [49406] + part + [49407] + [Int](repeating: 0, count: padding))
    }
    #expect(tokens.chunks[0].weights == [Float](repeating: 1, count: 77))
    #expect(Array(tokens.chunks[1].weights[0...6]) == [1, 1, 1, 1, 1, 1, 2])
    #expect(tokens.chunks[1].weights[75] == 2 && tokens.chunks[1].weights[76] == 1)
    #expect(tokens.chunks[2].weights[10] == 2 && tokens.chunks[2].weights[11] == 1)
    let limited = tokenizer.encode(WeightedPrompt(parsing: text), chunkLimit: 1)
    #expect(limited.chunks.count == 1 && limited.truncatedCount == 85)
    // 75 tokens fill one chunk, 76 need another.
    let full = words[..<75].joined(separator: " ")
    #expect(tokenizer.encode(WeightedPrompt(parsing: full)).chunks.count == 1)
    #expect(tokenizer.encode(WeightedPrompt(parsing: full + " fox")).chunks.count == 2)
  }

  /// A word of fewer than 8 tokens stays whole, a longer one is cut; with one chunk allowed there is no
  /// next one to go to.
  @Test func wordsStayWhole() {
    let tokenizer = CLIPTokenizer()
    let words = [String](repeating: "fox", count: 74).joined(separator: " ")
    func counts(_ text: String, limit: Int = .max) -> ([Int], Int) {
      let tokens = tokenizer.encode(WeightedPrompt(parsing: text), chunkLimit: limit)
      return (
        tokens.chunks.map { $0.caption.ids1.firstIndex(of: 49407).map { $0 - 1 } ?? 0 },
        tokens.truncatedCount
      )
    }
    let (short, long) = ("photorealistically", "qzxjvkwqzxjvkwqzxjvk")
    let shortCount = tokenizer.tokens(short).count
    let longCount = tokenizer.tokens(long).count
    #expect((2..<8).contains(shortCount) && longCount >= 8)
    #expect(counts(words + " " + short) == ([74, shortCount], 0))
    #expect(counts(words + "\n" + short + "\tfox") == ([74, shortCount + 1], 0))
    #expect(counts(words + " " + long) == ([75, longCount - 1], 0))
    #expect(counts(words + " " + short, limit: 1) == ([75], shortCount - 1))
    #expect(counts(words + " " + short + " " + words, limit: 2) == ([74, 75], shortCount - 1))
  }
}
