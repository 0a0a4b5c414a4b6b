import Graph
import Testing

import struct Foundation.Data
import class Foundation.JSONDecoder
import struct Foundation.URL

/// The meanings themselves against PyTorch in float64 (Fixtures/operations.py).
@Suite struct TorchTests {
  private struct Values: Decodable {
    let shape: [Int]
    let values: [Double]

    var tensor: HostTensor { HostTensor(TensorType(shape), values) }
  }

  private struct Case: Decodable {
    let inputs: [Values]
    let outputs: [Values]
  }

  private func read() throws -> [String: Case] {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Fixtures/operations.json")
    return try JSONDecoder().decode([String: Case].self, from: Data(contentsOf: file))
  }

  /// Compares the first outputs, as many as the file has.
  private func check(
    _ operation: any Operation, _ name: String, _ cases: [String: Case], tolerance: Double
  ) throws {
    let expected = try #require(cases[name])
    let inputs = expected.inputs.map(\.tensor)
    let types = try operation.outputTypes(inputs.map(\.type))
    let found = operation.evaluate(inputs, outputs: types)
    for (a, b) in zip(found, expected.outputs) {
      #expect(a.shape == b.shape)
      #expect(relativeError(a, b.tensor) < tolerance, "\(name)")
    }
  }

  @Test func operations() throws {
    let cases = try read()
    let operations: [(String, any Operation)] = [
      ("silu", Activate(.silu)), ("gelu", Activate(.gelu)), ("quick_gelu", Activate(.quickGELU)),
      ("geglu", GEGLU()), ("group_norm", GroupNorm(groups: 3, epsilon: 1e-5)),
      ("group_norm_silu", GroupNorm(groups: 3, epsilon: 1e-5, activation: .silu)),
      ("layer_norm", LayerNorm(epsilon: 1e-5)), ("upsample", UpsampleNearest()),
      ("loss_mse", SampleLoss(kind: .mse)), ("loss_l1", SampleLoss(kind: .l1)),
      ("loss_huber", SampleLoss(kind: .huber(delta: 0.75))),
    ]
    // Both in float64: what differs is the order of sums.
    for (name, operation) in operations {
      try check(operation, name, cases, tolerance: 1e-13)
    }
  }

  /// torch computes these in f32; frequencies round alike but for one in fifty at width 320, which
  /// differs by one last place: 6e-5 of one angle at t = 1000.
  @Test func timestepEmbeddings() throws {
    let cases = try read()
    try check(TimestepEmbedding(dimension: 32), "timestep_32", cases, tolerance: 1e-7)
    try check(TimestepEmbedding(dimension: 320), "timestep_320", cases, tolerance: 1e-5)
  }
}
