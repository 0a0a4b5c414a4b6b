import Graph
import Model
import Testing

@testable import Train

/// Emphasis and chunks of prompts on the tiny text encoders.
@Suite struct TextConditionerTests {
  let conditioner: TextConditioner
  let width = Tiny.configuration.unet.contextWidth

  init() throws {
    conditioner = try TextConditioner(
      SharedBackend.vulkan, Tiny.configuration, weights: Tiny.weights, shape: 1)
  }

  @Test func plainPromptsAreCaptions() throws {
    #expect(
      try conditioner.encode(prompt: "a red fox") == conditioner.encode("a red fox"))
    #expect(
      try conditioner.encode(prompt: "fox \\(animal\\)") == conditioner.encode("fox (animal)"))
  }

  @Test func weightsGoFromTheEmptyPrompt() throws {
    let plain = try conditioner.encode("a red fox")
    let empty = try conditioner.encode("")
    let weighted = try conditioner.encode(prompt: "a (red:1.5) fox")
    #expect(weighted.pooled == plain.pooled)
    // Tokens: start, a, red, fox, end.
    for row in 0..<77 {
      for column in 0..<width {
        let index = row * width + column
        let expected =
          row == 2
          ? empty.context[index] + 1.5 * (plain.context[index] - empty.context[index])
          : plain.context[index]
        #expect(weighted.context[index] == expected)
      }
    }
    #expect(weighted.context != plain.context)
    let off = try conditioner.encode(prompt: "a (red:0) fox")
    #expect(off.context[2 * width..<3 * width] == empty.context[2 * width..<3 * width])
  }

  @Test func chunksStandSideBySide() throws {
    let words = (0..<100).map { ["red", "fox", "snow"][$0 % 3] }
    let long = try conditioner.encode(prompt: words.joined(separator: " "))
    let first = try conditioner.encode(words[..<75].joined(separator: " "))
    let second = try conditioner.encode(words[75...].joined(separator: " "))
    #expect(long.context == first.context + second.context)
    #expect(long.pooled == first.pooled)
  }

  /// Five prompts with emphasis, two of them longer than a chunk, against transformers' text encoders and
  /// ComfyUI's arithmetic: `scripts/make_prompt_references.py`, torch 2.13.0, transformers 5.23.0.
  @Test(arguments: 0..<5) func promptsAreTheReferences(_ index: Int) throws {
    let file = try Fixture.open("prompts")
    let prompt = try #require(file.metadata["\(index)"])
    let tokens = CLIPTokenizer().encode(WeightedPrompt(parsing: prompt))
    func flat(_ name: String) throws -> [Double] { try file.doubles("\(index).\(name)") }
    #expect(tokens.chunks.count == (index < 3 ? 1 : 2) && tokens.truncatedCount == 0)
    #expect(tokens.chunks.flatMap(\.caption.ids1).map(Double.init) == (try flat("ids1")))
    #expect(tokens.chunks.flatMap(\.caption.ids2).map(Double.init) == (try flat("ids2")))
    let weights = zip(tokens.chunks.flatMap(\.weights), try flat("weights"))
    #expect(weights.allSatisfy { abs(Double($0) - $1) < 1e-6 })
    let found = try conditioner.encode(prompt: prompt)
    // The text encoders' own limit, which emphasis up to 1.5 hardly widens.
    #expect(relativeError(found.context.map(Double.init), try flat("context")) < 1e-5)
    #expect(relativeError(found.pooled.map(Double.init), try flat("pooled")) < 1e-5)
  }
}
