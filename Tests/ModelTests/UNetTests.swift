import Graph
import Testing

@testable import Model

@Suite struct UNetTests {
  /// Largest relative L2 error in f32: about ten roundings of 2^-24 survive the norms. Between the
  /// reference's own f32 and Double lie 1e-6.
  static let tolerance = 1e-5

  @Test(arguments: TestedBackend.allCases, [("tiny", "unet-tiny-v"), ("odd", "unet-odd-flow")])
  func predictsAsReference(backend: TestedBackend, pair: (size: String, file: String)) throws {
    let file = try ReferenceFile(pair.file)
    let size = try #require(TestedSize(rawValue: pair.size))
    let model = ReferenceModel()
    let prediction = try model.prediction(size.configuration, file)
    model.graph.output("prediction", prediction)
    let outputs = try model.run(on: backend.make(), file)
    let error = try file.error(of: outputs["prediction"], from: "prediction")
    #expect(error <= Self.tolerance)
  }

  /// Weights and activations in 16 bits: a rounding of 2^-11 (f16) or 2^-8 (bf16) at each of some
  /// hundred layers, which the norms keep from growing.
  @Test(
    arguments: [(DType.f16, 5e-3), (.bf16, 3e-2)],
    [("tiny", "unet-tiny-v"), ("odd", "unet-odd-flow")])
  func predictsInHalfPrecision(
    storage: (dtype: DType, tolerance: Double), pair: (size: String, file: String)
  ) throws {
    let file = try ReferenceFile(pair.file)
    let size = try #require(TestedSize(rawValue: pair.size))
    let model = ReferenceModel(dtype: storage.dtype)
    let prediction = try model.prediction(size.configuration, file, dtype: storage.dtype)
    #expect(prediction.dtype == .f32)
    model.graph.output("prediction", prediction)
    let activations = model.graph.nodes.filter { $0.operation is Convolution2D }.dropLast()
    #expect(
      activations.allSatisfy { model.graph.values[$0.outputs[0]].type.dtype == storage.dtype })
    let outputs = try model.run(on: TestedBackend.vulkan.make(), file)
    let error = try file.error(of: outputs["prediction"], from: "prediction")
    #expect(error <= storage.tolerance)
    // Storage alone, around sums in Double, does as much: the kernels add next to nothing.
    let exact = try model.run(on: ReferenceBackend(exact: false), file)
    #expect(error <= 1.5 * (try file.error(of: exact["prediction"], from: "prediction")))
    #expect(error > 1e-5)
  }

  @Test(arguments: SyntheticCheckpoint.Size.allCases)
  func asksForEveryTensorOfTheManifest(size: SyntheticCheckpoint.Size) throws {
    try expectManifest(size.configuration.unet.parameterLayouts) {
      _ = UNet(size.configuration.unet, $0)
    }
  }

  /// Depths, block counts and levels that no known model has: the numbering of names must follow.
  @Test func followsUnusualConfigurations() throws {
    let unusual = UNetConfiguration(
      baseChannels: 32, channelMultipliers: [1, 2, 3, 4], residualBlocksPerLevel: 3,
      transformerDepths: [1, 0, 2, 0], middleDepth: 0, contextWidth: 192, conditioningWidth: 1664)
    for configuration in [unusual, .distilled] {
      try expectManifest(configuration.parameterLayouts) { _ = UNet(configuration, $0) }
    }
  }
}

extension ReferenceModel {
  /// The UNet's prediction for the inputs of a `unet` or `grads` file.
  func prediction(
    _ configuration: SDXLConfiguration, _ file: ReferenceFile, dtype: DType = .f32
  ) throws -> Tensor {
    UNet(configuration.unet, parameters)(
      try input("sample", from: file), time: try input("timestep", from: file),
      context: try input("context", from: file), pooled: try input("pooled", from: file),
      timeIDs: try input("time_ids", from: file), dtype: dtype)
  }
}

/// Requires that a network declares the tensors of the layouts, no more, no fewer, in those shapes.
func expectManifest(
  _ layouts: [ParameterLayout], _ declare: (ParameterSource) -> Void
) throws {
  let parameters = ParameterSource(Graph())
  declare(parameters)
  let found = Dictionary(uniqueKeysWithValues: parameters.stored.map { ($0.name, $0.tensor.shape) })
  let expected = Dictionary(uniqueKeysWithValues: layouts.map { ($0.name, $0.graphShape) })
  #expect(Set(found.keys).symmetricDifference(expected.keys).isEmpty)
  #expect(found == expected)
}
