import Graph
import Model

/// What the UNet is told about a caption.
public struct Conditioning: Sendable, Equatable {
  /// Both text encoders' hidden states side by side, [77, C].
  public var context: [Float]
  /// [P].
  public var pooled: [Float]

  public init(context: [Float], pooled: [Float]) {
    self.context = context
    self.pooled = pooled
  }
}

/// Both text encoders on a device; shapes are numbers of prompts.
public struct TextConditioner: DeviceNetwork {
  private let runner: NetworkRunner<Self>
  private let tokenizer = CLIPTokenizer()

  public init(_ runner: NetworkRunner<Self>) { self.runner = runner }

  /// Conditioning of a caption.
  public func encode(_ caption: String) throws -> Conditioning {
    let tokens = tokenizer.encode(caption)
    let result = try encode(
      ids1: tokens.ids1.map(Int32.init), ids2: tokens.ids2.map(Int32.init), samples: 1)
    return Conditioning(
      context: result["context"]?.floats ?? [], pooled: result["pooled"]?.floats ?? [])
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
