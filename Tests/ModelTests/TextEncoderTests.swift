import Graph
import Testing

@testable import Model

@Suite struct TextEncoderTests {
  /// Largest relative L2 error in f32.
  static let tolerance = 1e-5

  @Test(arguments: TestedBackend.allCases, TestedSize.allCases)
  func encodesAsReference(backend: TestedBackend, size: TestedSize) throws {
    let file = try ReferenceFile("text-\(size.rawValue)")
    let configuration = size.configuration
    let model = ReferenceModel()
    let hidden1 = TextEncoder1(try #require(configuration.textEncoder1), model.parameters)(
      try model.input("ids1", from: file))
    let shape = try file.shape("ids2")
    let rows = TextEncoder2.endRows(
      ids: try file.file.integers("ids2").map { Int32($0) }, length: shape[1])
    let encoded = TextEncoder2(try #require(configuration.textEncoder2), model.parameters)(
      try model.input("ids2", from: file),
      endRows: model.graph.input("rows", TensorType([shape[0]], .i32)))
    let context = Tensor.concatenated([hidden1, encoded.hidden], axis: 2)
    let results = [
      "hidden1": hidden1, "hidden2": encoded.hidden, "pooled": encoded.pooled, "context": context,
    ]
    for (name, tensor) in results { model.graph.output(name, tensor) }
    let outputs = try model.run(
      on: backend.make(), file, given: ["rows": TensorData([shape[0]], rows)])
    for name in results.keys.sorted() {
      #expect(try file.error(of: outputs[name], from: name) <= Self.tolerance, "\(name)")
    }
  }

  @Test func readsTheFirstEndToken() {
    let ids: [Int32] = [49406, 5, 49407, 49407, 49406, 320, 8, 49407, 49406, 1, 2, 3]
    #expect(TextEncoder2.endRows(ids: ids, length: 4) == [2, 7, 8])
  }

  /// Encoder 1 leaves its last layer and final norm undeclared: no context needs them.
  @Test(arguments: SyntheticCheckpoint.Size.allCases)
  func asksForWhatTheContextNeeds(size: SyntheticCheckpoint.Size) throws {
    let first = try #require(size.configuration.textEncoder1)
    let unread = [".layers.\(first.layerCount - 1).", ".final_layer_norm."]
    let layouts = first.parameterLayouts(.textEncoder1)
    try expectManifest(layouts.filter { layout in !unread.contains { layout.name.contains($0) } }) {
      _ = TextEncoder1(first, $0)
    }
    let second = try #require(size.configuration.textEncoder2)
    try expectManifest(second.parameterLayouts(.textEncoder2)) { _ = TextEncoder2(second, $0) }
  }
}
