import Graph
import Testing

@testable import Model

/// Sizes, seeds and shapes that no reference file has: the device against the CPU evaluator.
@Suite struct OtherShapesTests {
  // MARK: UNet

  struct UNetCase: Sendable, CustomTestStringConvertible {
    var base: Int
    var multipliers: [Int]
    var depths: [UNetConfiguration.LevelDepths]
    var middle = UNetConfiguration.Middle.transformer(depth: 1)
    var latents: [Int]
    var tokens: Int
    var seed: UInt64
    var testDescription: String { "base \(base) x \(multipliers), latents \(latents)" }
  }

  /// SDXL's own pattern of depths; one distilled as SSD-1B is, with a single middle block; one with
  /// a single residual block on the way down.
  static let unets = [
    UNetCase(
      base: 32, multipliers: [1, 2, 4],
      depths: [
        .init(down: [0, 0], up: [0, 0, 0]), .init(down: [1, 1], up: [1, 1, 1]),
        .init(down: [2, 2], up: [2, 2, 2]),
      ], latents: [3, 4, 12, 4], tokens: 5, seed: 3),
    UNetCase(
      base: 32, multipliers: [1, 2],
      depths: [.init(down: [1, 0], up: [1, 0, 2]), .init(down: [0, 2], up: [3, 1, 0])],
      middle: .residualBlock, latents: [2, 2, 6, 4], tokens: 9, seed: 6),
    UNetCase(
      base: 64, multipliers: [1, 3],
      depths: [.init(down: [1], up: [1, 1]), .init(down: [1], up: [1, 1])],
      latents: [1, 6, 10, 4], tokens: 154, seed: 8),
  ]

  @Test(arguments: unets)
  func unetAndGradientsAgree(_ test: UNetCase) throws {
    let outputs = try unet(test).run()
    let size = outputs.filter { $0.name.hasPrefix("grad.") }
      .reduce(0.0) { $0 + squaredNorm($1.expected) }.squareRoot()
    for (name, expected, found) in outputs {
      // As for the reference files; gradients that are zero in exact arithmetic carry no digits.
      if name.hasPrefix("grad."), squaredNorm(expected).squareRoot() < 1e-6 * size { continue }
      let error = relativeError(found, expected)
      #expect(error < (name == "prediction" ? UNetTests.tolerance : 1e-3), "\(name)")
    }
  }

  private func squaredNorm(_ tensor: HostTensor) -> Double {
    tensor.values.reduce(0) { $0 + $1 * $1 }
  }

  /// The prediction, and the gradient of its mean square by every parameter.
  private func unet(_ test: UNetCase) throws -> SeededModel {
    let configuration = UNetConfiguration(
      baseChannels: test.base, channelMultipliers: test.multipliers, depths: test.depths,
      middle: test.middle, contextWidth: 192, conditioningWidth: 1664)
    var model = SeededModel(seed: test.seed, trainable: { _ in true })
    let n = test.latents[0]
    let time = model.input("time", [n])
    let prediction = UNet(configuration, model.parameters)(
      model.input("latents", test.latents), time: time,
      context: model.input("context", [n, test.tokens, configuration.contextWidth]),
      pooled: model.input("pooled", [n, configuration.pooledWidth]),
      timeIDs: model.input("timeIDs", [n, 6]))
    model.graph.output("prediction", prediction)
    let zero = Tensor.apply(Fill(value: 0), [prediction])[0]
    let weight = Tensor.apply(Fill(value: 1), [time])[0]
    let loss = prediction.loss(against: zero, weight: weight).loss
    let trained = model.graph.trainedParameters
    let gradients = model.graph.gradients(of: loss, withRespectTo: trained.map(\.tensor))
    for (parameter, gradient) in zip(trained, gradients) {
      model.graph.output("grad." + parameter.variable.name, try #require(gradient))
    }
    return model
  }

  // MARK: VAE

  struct VAECase: Sendable, CustomTestStringConvertible {
    var configuration: VAEConfiguration
    /// Samples, height and width of the latents.
    var latents: [Int]
    var seed: UInt64
    var testDescription: String { "\(configuration.levelChannels), latents \(latents)" }
  }

  /// Heads of 160 and 32 channels; odd sides, single rows, other channel counts and numbers of
  /// levels and blocks.
  static let vaes = [
    VAECase(
      configuration: VAEConfiguration(levelChannels: [32, 64, 160], residualBlocksPerLevel: 1),
      latents: [2, 3, 5], seed: 5),
    VAECase(
      configuration: VAEConfiguration(
        imageChannels: 4, latentChannels: 16, levelChannels: [64, 32], residualBlocksPerLevel: 3),
      latents: [1, 9, 1], seed: 11),
    VAECase(
      configuration: VAEConfiguration(levelChannels: [32, 32, 64, 64]), latents: [3, 1, 2],
      seed: 2),
  ]

  @Test(arguments: vaes)
  func vaeEncodersAgree(_ test: VAECase) throws {
    let (n, scale) = (test.latents[0], test.configuration.downscale)
    var model = SeededModel(seed: test.seed)
    let image = model.input(
      "image",
      [n, test.latents[1] * scale, test.latents[2] * scale, test.configuration.imageChannels])
    let encoded = VAEEncoder(test.configuration, model.parameters)(image)
    model.graph.output("mean", encoded.mean)
    model.graph.output("logvar", encoded.logVariance)
    for (name, expected, found) in try model.run() {
      #expect(expected.shape == test.latents + [test.configuration.latentChannels])
      #expect(relativeError(found, expected) < VAETests.tolerance, "\(name)")
    }
  }

  @Test(arguments: vaes)
  func vaeDecodersAgree(_ test: VAECase) throws {
    var model = SeededModel(seed: test.seed)
    let latents = model.input("latents", test.latents + [test.configuration.latentChannels])
    model.graph.output("decoded", VAEDecoder(test.configuration, model.parameters)(latents))
    for (name, expected, found) in try model.run() {
      #expect(expected.shape[1] == test.latents[1] * test.configuration.downscale)
      #expect(relativeError(found, expected) < VAETests.tolerance, "\(name)")
    }
  }

  // MARK: Text encoders

  struct TextCase: Sendable, CustomTestStringConvertible {
    var configuration: TextEncoderConfiguration
    var prompts: Int
    var seed: UInt64
    var testDescription: String {
      "width \(configuration.width), \(configuration.layerCount) layers, \(prompts) prompts"
    }
  }

  /// One head and three; lengths that no tile divides; inner and projection widths of their own.
  static let texts = [
    TextCase(
      configuration: TextEncoderConfiguration(
        width: 64, layerCount: 5, innerWidth: 100, projectionWidth: 40, vocabularySize: 300,
        contextLength: 13),
      prompts: 3, seed: 4),
    TextCase(
      configuration: TextEncoderConfiguration(
        width: 192, layerCount: 2, innerWidth: 320, projectionWidth: 256, vocabularySize: 1000,
        contextLength: 131),
      prompts: 1, seed: 9),
    TextCase(
      configuration: TextEncoderConfiguration(
        width: 128, layerCount: 1, innerWidth: 33, projectionWidth: 7, vocabularySize: 50,
        contextLength: 1),
      prompts: 5, seed: 1),
  ]

  @Test(arguments: texts)
  func firstTextEncodersAgree(_ test: TextCase) throws {
    let configuration = test.configuration
    var model = SeededModel(seed: test.seed)
    let ids = model.indices(
      "ids", [test.prompts, configuration.contextLength], below: configuration.vocabularySize)
    model.graph.output("hidden", TextEncoder1(configuration, model.parameters)(ids))
    for (name, expected, found) in try model.run() {
      #expect(relativeError(found, expected) < TextEncoderTests.tolerance, "\(name)")
    }
  }

  @Test(arguments: texts)
  func secondTextEncodersAgree(_ test: TextCase) throws {
    let (configuration, length) = (test.configuration, test.configuration.contextLength)
    var model = SeededModel(seed: test.seed)
    let ids = model.indices("ids", [test.prompts, length], below: configuration.vocabularySize)
    // The end token stands elsewhere in each prompt.
    let rows = (0..<test.prompts).map { Int32($0 * length + (3 * $0 + 2) % length) }
    let encoded = TextEncoder2(configuration, model.parameters)(
      ids, endRows: model.indices("rows", [test.prompts], rows))
    model.graph.output("hidden", encoded.hidden)
    model.graph.output("pooled", encoded.pooled)
    for (name, expected, found) in try model.run() {
      #expect(relativeError(found, expected) < TextEncoderTests.tolerance, "\(name)")
    }
  }
}
