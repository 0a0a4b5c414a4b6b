import Graph
import Testing

@testable import Train

@Suite struct PromptFileTests {
  @Test func linesWithFlags() throws {
    let text = """
      # a comment

      a red fox -- in snow --n blurry, low quality --w 832 --h 1216 --s 20 --l 6.5 --d 7
        a semi-colon--ish crow\u{20}
      """
    let lines = try PromptFile.parse(text, name: "p.txt")
    #expect(lines.count == 2)
    #expect(lines[0].prompt == "a red fox -- in snow")
    #expect(lines[0].negative == "blurry, low quality")
    #expect(lines[0].width == 832 && lines[0].height == 1216 && lines[0].steps == 20)
    #expect(lines[0].guidance == 6.5 && lines[0].seed == 7 && lines[0].place == "p.txt:3")
    #expect(lines[1].prompt == "a semi-colon--ish crow" && lines[1].place == "p.txt:4")
    #expect(lines[1].negative == nil && lines[1].width == nil && lines[1].seed == nil)
  }

  @Test func windowsLines() throws {
    let lines = try PromptFile.parse("a fox --s 5\r\n\r\na crow\r\n", name: "p.txt")
    #expect(lines.map(\.prompt) == ["a fox", "a crow"])
    #expect(lines.map(\.steps) == [5, nil] && lines.map(\.place) == ["p.txt:1", "p.txt:3"])
  }

  @Test(arguments: [
    ("fox --w 100", "p.txt:1: --w"), ("fox --h x", "p.txt:1: --h"), ("fox --s 0", "p.txt:1: --s"),
    ("fox --l nan", "p.txt:1: --l"), ("fox --d -1", "p.txt:1: --d"), ("fox --w", "p.txt:1: --w"),
    ("fox --width 64", "p.txt:1: --width"), ("fox --s 4 --s 5", "p.txt:1: --s"),
    ("--n blurry", "p.txt:1"),
  ])
  func wrongFlagsAreNamed(_ text: String, _ place: String) {
    #expect {
      try PromptFile.parse(text, name: "p.txt")
    } throws: { error in
      (error as? InputError)?.place == place
    }
  }
}
