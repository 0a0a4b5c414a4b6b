import Graph
import Model

/// SDXL's factor between the VAE's latents and what the UNet sees.
public let latentScale: Float = 0.13025

/// Batch and size of a picture in pixels or of latents, height first.
public struct FrameShape: Hashable, Sendable {
  public var samples: Int
  public var height: Int
  public var width: Int

  public init(samples: Int, height: Int, width: Int) {
    self.samples = samples
    self.height = height
    self.width = width
  }
}

/// The VAE's encoder on a device.
public final class LatentEncoder {
  private let runner: NetworkRunner<FrameShape>

  /// - Parameter shape: of the first pictures, in pixels.
  public init(
    _ backend: any Backend, _ configuration: VAEConfiguration, weights: ParameterReader,
    shape: FrameShape
  ) throws {
    runner = try NetworkRunner(
      backend, weights: weights, shape: shape, build: Self.build(configuration))
  }

  /// Pictures [N, H, W, 3] in [-1, 1] to mean and log variance, each [N, H/8, W/8, 4], unscaled.
  public func encode(
    _ pixels: [Float], _ shape: FrameShape
  ) throws -> (mean: [Float], logVariance: [Float]) {
    let type = [shape.samples, shape.height, shape.width, 3]
    let result = try runner.run(shape, ["image": TensorData(type, pixels)])
    return (result["mean"]?.floats ?? [], result["logvar"]?.floats ?? [])
  }

  /// Device memory while pictures of these shapes are encoded.
  public static func memory(
    _ backend: any Backend, _ configuration: VAEConfiguration, shapes: [FrameShape]
  ) throws -> MemoryUse {
    try NetworkRunner.memory(backend, shapes: shapes, build: build(configuration))
  }

  private static func build(
    _ configuration: VAEConfiguration
  ) -> NetworkRunner<FrameShape>.Build {
    { graph, shape in
      let type = TensorType([shape.samples, shape.height, shape.width, 3])
      let image = graph.input("image", type)
      let (mean, logVariance) = VAEEncoder(configuration, ParameterSource(graph))(image)
      graph.output("mean", mean)
      graph.output("logvar", logVariance)
    }
  }
}

/// The VAE's decoder on a device.
public final class LatentDecoder {
  private let runner: NetworkRunner<FrameShape>

  /// - Parameter shape: of the first latents.
  public init(
    _ backend: any Backend, _ configuration: VAEConfiguration, weights: ParameterReader,
    shape: FrameShape
  ) throws {
    runner = try NetworkRunner(
      backend, weights: weights, shape: shape, build: Self.build(configuration))
  }

  /// Latents [N, h, w, 4], divided by `latentScale` already, to pictures [N, 8h, 8w, 3], about
  /// in [-1, 1].
  public func decode(_ latents: [Float], _ shape: FrameShape) throws -> [Float] {
    let type = [shape.samples, shape.height, shape.width, 4]
    return try runner.run(shape, ["latents": TensorData(type, latents)])["decoded"]?.floats ?? []
  }

  /// Device memory while latents of these shapes are decoded.
  public static func memory(
    _ backend: any Backend, _ configuration: VAEConfiguration, shapes: [FrameShape]
  ) throws -> MemoryUse {
    try NetworkRunner.memory(backend, shapes: shapes, build: build(configuration))
  }

  private static func build(
    _ configuration: VAEConfiguration
  ) -> NetworkRunner<FrameShape>.Build {
    { graph, shape in
      let channels = configuration.latentChannels
      let type = TensorType([shape.samples, shape.height, shape.width, channels])
      let latents = graph.input("latents", type)
      graph.output("decoded", VAEDecoder(configuration, ParameterSource(graph))(latents))
    }
  }
}
