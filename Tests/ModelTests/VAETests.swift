import Graph
import Testing

@testable import Model

@Suite struct VAETests {
  /// Largest relative L2 error in f32: norms with few values a group make the VAE worse conditioned
  /// than the UNet.
  static let tolerance = 1e-4

  @Test(arguments: TestedBackend.allCases, TestedSize.allCases)
  func encodesAsReference(backend: TestedBackend, size: TestedSize) throws {
    let file = try ReferenceFile("vae-\(size.rawValue)")
    let model = ReferenceModel()
    let encoder = VAEEncoder(try #require(size.configuration.vae), model.parameters)
    let encoded = encoder(try model.input("image", from: file))
    model.graph.output("mean", encoded.mean)
    model.graph.output("logvar", encoded.logVariance)
    let outputs = try model.run(on: backend.make(), file)
    for name in ["mean", "logvar"] {
      #expect(try file.error(of: outputs[name], from: name) <= Self.tolerance, "\(name)")
    }
  }

  @Test(arguments: TestedBackend.allCases, TestedSize.allCases)
  func decodesAsReference(backend: TestedBackend, size: TestedSize) throws {
    let file = try ReferenceFile("vae-\(size.rawValue)")
    let model = ReferenceModel()
    let decoder = VAEDecoder(try #require(size.configuration.vae), model.parameters)
    model.graph.output("decoded", decoder(try model.input("latents", from: file)))
    let outputs = try model.run(on: backend.make(), file)
    #expect(try file.error(of: outputs["decoded"], from: "decoded") <= Self.tolerance)
  }

  @Test(arguments: SyntheticCheckpoint.Size.allCases)
  func asksForEveryTensorOfTheManifest(size: SyntheticCheckpoint.Size) throws {
    let configuration = try #require(size.configuration.vae)
    try expectManifest(configuration.parameterLayouts) {
      _ = VAEEncoder(configuration, $0)
      _ = VAEDecoder(configuration, $0)
    }
  }
}
