import ArgumentParser
import Model

/// `vkxl tokenize`
struct TokenizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize",
    abstract: "Print the 77 CLIP token ids of each text.",
    discussion: """
      One JSON array a text and line, as text encoder 1 sees it: start token 49406, the text's \
      tokens (at most 75), end token 49407, padded with 49407. Without TEXT, each line of standard \
      input is a text.

      Examples:
        vkxl tokenize "a red fox" "a crow"
        vkxl tokenize < captions.txt
      """)

  @Argument(help: "Texts; none: the lines of standard input.")
  var text: [String] = []

  @OptionGroup var log: LogOptions

  func run() throws {
    let tokenizer = CLIPTokenizer()
    guard text.isEmpty else {
      for text in text { write(tokenizer.encode(text)) }
      return
    }
    while let line = readLine() { write(tokenizer.encode(line)) }
  }

  private func write(_ tokens: TokenizedCaption) {
    let ids = tokens.ids1.map(String.init).joined(separator: ", ")
    Shell.writeText("[\(ids)]\n", to: .standardOutput)
  }
}
