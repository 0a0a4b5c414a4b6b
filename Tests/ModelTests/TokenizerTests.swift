import Foundation
import Testing

@testable import Model

@Suite struct TokenizerTests {
  private struct Example: Decodable {
    var text: String
    var ids: [Int]
  }

  private func examples(_ name: String) throws -> [Example] {
    let url = URL(fileURLWithPath: CheckpointTestFiles.fixture(name))
    let examples = try JSONDecoder().decode([Example].self, from: Data(contentsOf: url))
    try #require(!examples.isEmpty)
    return examples
  }

  /// 75 prompts by transformers 5.23.0, with start, end and padding.
  @Test func promptsAreTheReferences() throws {
    let tokenizer = CLIPTokenizer()
    let examples = try examples("tokens.json")
    #expect(examples.count == 75)
    for example in examples {
      let caption = tokenizer.encode(example.text)
      #expect(caption.ids1 == example.ids, "\(example.text)")
      #expect(caption.ids2.count == 77)
      let end = caption.endIndex
      #expect(caption.ids2[...end] == example.ids[...end])
      #expect(caption.ids2[(end + 1)...].allSatisfy { $0 == 0 })
    }
  }

  /// 600 random texts of all of Unicode, by scripts/fuzz_tokenizer.py and transformers 5.23.0.
  @Test func randomTextsAreTheReferences() throws {
    let tokenizer = CLIPTokenizer()
    for example in try examples("tokens_random.json") {
      #expect(tokenizer.tokens(example.text) == example.ids, "\(example.text.debugDescription)")
    }
  }

  /// Cutting prompts into words at white space changes no token, whatever the text.
  @Test func wordsAreTheWholesTokens() throws {
    let tokenizer = CLIPTokenizer()
    for example in try examples("tokens_random.json") {
      let prompt = WeightedPrompt(plain: example.text)
      // The end token must tell where a chunk ends.
      guard !example.ids.contains(49407) else { continue }
      let found = tokenizer.encode(prompt, chunkLimit: 20).chunks.flatMap { chunk in
        chunk.caption.ids1[1...].prefix { $0 != 49407 }
      }
      #expect(found == example.ids, "\(example.text.debugDescription)")
    }
  }

  @Test func tablesComeWhole() {
    // Their sizes as the scripts wrote them: the literals in the binary lose nothing.
    for name in ["clip_merges.txt", "clip_unicode.txt"] {
      let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Sources/Model/Tables/\(name)").path
      #expect(
        FileManager.default.contents(atPath: path) == embeddedTables[name].map { Data($0.utf8) })
    }
  }

  @Test(arguments: [(73, 0), (75, 0), (76, 1), (300, 225)])
  func truncationIsCounted(wordCount: Int, truncatedCount: Int) {
    let text = Array(repeating: "cat", count: wordCount).joined(separator: " ")
    let caption = CLIPTokenizer().encode(text)
    #expect(caption.truncatedCount == truncatedCount)
    #expect(caption.ids1.count == 77 && caption.ids2.count == 77)
    #expect(caption.endIndex == min(wordCount, 75) + 1)
    #expect(caption.ids1[0] == 49406 && caption.ids1[1] == caption.ids1[2])
  }

  @Test func exactSpellingOfSpecialTokens() {
    let tokenizer = CLIPTokenizer()
    #expect(tokenizer.tokens("a<|endoftext|>b") == [320, 49407, 321])
    #expect(tokenizer.tokens("<|startoftext|>") == [49406])
    // transformers gives these for `A<|ENDOFTEXT|>b`
    #expect(tokenizer.tokens("A<|ENDOFTEXT|>b") == [320, 27, 347, 40786, 4160, 91, 285, 321])
    #expect(tokenizer.encode("a<|endoftext|>b").endIndex == 2)
  }

  /// A piece of many thousand symbols takes time in proportion, not its square.
  @Test func longPiecesAreFast() {
    let tokenizer = CLIPTokenizer()
    let text = String(repeating: "abcdefghij", count: 10_000)
    let elapsed = ContinuousClock().measure { #expect(tokenizer.tokens(text).count > 10_000) }
    #expect(elapsed < .seconds(5))
  }

  /// One tokenizer shared by tasks gives what each would get alone.
  @Test func sharingIsSafe() async throws {
    let tokenizer = CLIPTokenizer()
    let examples = try examples("tokens.json")
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 {
        group.addTask { examples.allSatisfy { tokenizer.encode($0.text).ids1 == $0.ids } }
      }
      for await isRight in group { #expect(isRight) }
    }
  }
}
