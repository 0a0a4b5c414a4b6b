import Graph
import Model

/// What the UNet is told about a caption.
public struct Conditioning: Sendable, Equatable {
  /// Both text encoders' hidden states side by side, [77, C]; for a long prompt [77 chunks, C].
  public var context: [Float]
  /// [P].
  public var pooled: [Float]

  public init(context: [Float], pooled: [Float]) {
    self.context = context
    self.pooled = pooled
  }

  /// Two prompts with as many tokens each: both are repeated to the least common multiple.
  ///
  /// What is said several times over counts no more to attention than what is said once: the softmax
  /// spreads the same over as many copies. A prompt means the same whatever stands beside it; empty
  /// chunks in place of copies would take a share of the attention.
  /// - Source: ComfyUI, `comfy/conds.py` (CONDCrossAttn); A1111 appends empty chunks.
  public static func matched(
    _ first: Conditioning, _ second: Conditioning
  ) -> (Conditioning, Conditioning) {
    let count = commonCount(first.context.count, second.context.count)
    return (first.repeated(to: count), second.repeated(to: count))
  }

  /// The least common multiple of two numbers of chunks, or of whatever makes them up; above 0.
  static func commonCount(_ a: Int, _ b: Int) -> Int {
    var (divisor, rest) = (a, b)
    while rest > 0 { (divisor, rest) = (rest, divisor % rest) }
    return a / max(1, divisor) * b
  }

  private func repeated(to count: Int) -> Conditioning {
    var result = self
    while result.context.count < count { result.context += context }
    return result
  }

  /// Empty chunks appended up to a number of context elements.
  func padded(to count: Int, with empty: Conditioning) -> Conditioning {
    var result = self
    while result.context.count < count { result.context += empty.context }
    return result
  }
}

/// Both text encoders on a device; shapes are numbers of prompts.
public struct TextConditioner: DeviceNetwork {
  private let runner: NetworkRunner<Self>
  private let tokenizer = CLIPTokenizer()

  public init(_ runner: NetworkRunner<Self>) { self.runner = runner }

  /// Conditioning of a caption.
  public func encode(_ caption: String) throws -> Conditioning {
    try encode(tokens: tokenizer.encode(caption))
  }

  private func encode(tokens: TokenizedCaption) throws -> Conditioning {
    let result = try encode(
      ids1: tokens.ids1.map(Int32.init), ids2: tokens.ids2.map(Int32.init), samples: 1)
    return Conditioning(
      context: result["context"]?.floats ?? [], pooled: result["pooled"]?.floats ?? [])
  }

  /// Conditioning of a prompt with emphasis, of any length.
  ///
  /// Chunks of 75 tokens are encoded each for itself, and their hidden states stand one after the
  /// other; the pooled embedding is the first one's. A token of weight w becomes
  /// `empty + w (hidden - empty)`, with what the empty prompt has at its place: weight 1 changes
  /// nothing, weight 0 says nothing, and no weight changes the other tokens. (This is ComfyUI's rule.
  /// A1111 multiplies the hidden states themselves and then scales all of them back to their mean,
  /// which moves unweighted tokens too, and far where that mean is near 0.)
  public func encode(prompt: String, chunkLimit: Int = .max) throws -> Conditioning {
    try encode(tokenizer.encode(WeightedPrompt(parsing: prompt), chunkLimit: chunkLimit))
  }

  /// Conditioning of a tokenized prompt; see `encode(prompt:)`.
  public func encode(_ prompt: TokenizedPrompt) throws -> Conditioning {
    var result = Conditioning(context: [], pooled: [])
    var empty: [Float]?
    for chunk in prompt.chunks {
      var encoded = try encode(tokens: chunk.caption)
      if chunk.weights.contains(where: { $0 != 1 }) {
        let base = try empty ?? encode("").context
        empty = base
        let width = base.count / CLIPTokenizer.contextLength
        for index in base.indices {
          let weight = chunk.weights[index / width]
          guard weight != 1 else { continue }
          encoded.context[index] = base[index] + weight * (encoded.context[index] - base[index])
        }
      }
      result.context += encoded.context
      if result.pooled.isEmpty { result.pooled = encoded.pooled }
    }
    return result
  }

  /// Token ids [N, 77] to `hidden1`, `hidden2`, `pooled` and `context`.
  public func encode(
    ids1: [Int32], ids2: [Int32], samples: Int
  ) throws -> [String: TensorData] {
    let length = CLIPTokenizer.contextLength
    return try runner.run(
      samples,
      [
        "ids1": TensorData([samples, length], ids1), "ids2": TensorData([samples, length], ids2),
        "end_rows": TensorData([samples], TextEncoder2.endRows(ids: ids2, length: length)),
      ])
  }

  /// - Parameter configuration: must have both text encoders.
  public static func build(_ configuration: SDXLConfiguration) throws -> (Graph, Int) -> Void {
    guard let first = configuration.textEncoder1, let second = configuration.textEncoder2 else {
      throw InputError(
        "text encoders", expected: "both of SDXL's text encoders", found: "a model without them",
        hint: "name a checkpoint that has them (model.text_encoders, --text-encoders)")
    }
    return { graph, samples in
      let type = TensorType([samples, CLIPTokenizer.contextLength], .i32)
      let (ids1, ids2) = (graph.input("ids1", type), graph.input("ids2", type))
      let endRows = graph.input("end_rows", TensorType([samples], .i32))
      let parameters = ParameterSource(graph)
      let hidden1 = TextEncoder1(first, parameters)(ids1)
      let (hidden2, pooled) = TextEncoder2(second, parameters)(ids2, endRows: endRows)
      graph.output("hidden1", hidden1)
      graph.output("hidden2", hidden2)
      graph.output("pooled", pooled)
      graph.output("context", Tensor.concatenated([hidden1, hidden2], axis: 2))
    }
  }
}
