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
    let empty = try conditioner.encode("")
    let (a, b) = Conditioning.padded(long, first, with: empty)
    #expect(a == long)
    #expect(b.context == first.context + empty.context && b.pooled == first.pooled)
  }
}
