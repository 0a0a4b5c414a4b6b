import Graph
import Model

/// SDXL's factor between the VAE's latents and what the UNet sees.
public let latentScale: Float = 0.13025

/// Batch and size of a picture in pixels or of latents, height first.
public struct FrameShape: Hashable, Sendable {
  /// Pictures.
  public var samples: Int
  /// Pixels, or latent pixels.
  public var height: Int
  /// Pixels, or latent pixels.
  public var width: Int

  public init(samples: Int, height: Int, width: Int) {
    self.samples = samples
    self.height = height
    self.width = width
  }

  /// Pixels of all samples together.
  var area: Int { samples * height * width }

  /// [N, H, W, channels] in f32.
  func type(channels: Int) -> TensorType { TensorType([samples, height, width, channels]) }
}

/// The VAE's encoder on a device; shapes are of pictures in pixels.
public struct LatentEncoder: DeviceNetwork {
  private let runner: NetworkRunner<Self>

  public init(_ runner: NetworkRunner<Self>) { self.runner = runner }

  /// Pictures [N, H, W, 3] in [-1, 1] to mean and log variance, each [N, H/8, W/8, 4], unscaled.
  public func encode(
    _ pixels: [Float], _ shape: FrameShape
  ) throws -> (mean: [Float], logVariance: [Float]) {
    let image = TensorData(shape.type(channels: pixels.count / shape.area), floats: pixels)
    let result = try runner.run(shape, ["image": image])
    return (result["mean"]?.floats ?? [], result["logvar"]?.floats ?? [])
  }

  /// Adds the encoder to a graph: `image` to `mean` and `logvar`.
  public static func build(_ configuration: VAEConfiguration) -> (Graph, FrameShape) -> Void {
    { graph, shape in
      let image = graph.input("image", shape.type(channels: configuration.imageChannels))
      let (mean, logVariance) = VAEEncoder(configuration, ParameterSource(graph))(image)
      graph.output("mean", mean)
      graph.output("logvar", logVariance)
    }
  }
}

/// The VAE's decoder on a device; shapes are of latents.
public struct LatentDecoder: DeviceNetwork {
  private let runner: NetworkRunner<Self>

  public init(_ runner: NetworkRunner<Self>) { self.runner = runner }

  /// Latents [N, h, w, 4], divided by `latentScale` already, to pictures [N, 8h, 8w, 3], about
  /// in [-1, 1].
  public func decode(_ latents: [Float], _ shape: FrameShape) throws -> [Float] {
    let given = TensorData(shape.type(channels: latents.count / shape.area), floats: latents)
    return try runner.run(shape, ["latents": given])["decoded"]?.floats ?? []
  }

  /// Latents [h, w, 4] of one picture, divided by `latentScale` already, to [8h, 8w, 3], whole or in
  /// pieces; the runner is made for a piece.
  public func decode(
    _ latents: [Float], _ shape: FrameShape, in pieces: DecodingPieces
  ) throws -> [Float] {
    try pieces.decode(latents, shape, scale: 8, decode)
  }

  /// Adds the decoder to a graph: `latents` to `decoded`.
  public static func build(_ configuration: VAEConfiguration) -> (Graph, FrameShape) -> Void {
    { graph, shape in
      let latents = graph.input("latents", shape.type(channels: configuration.latentChannels))
      graph.output("decoded", VAEDecoder(configuration, ParameterSource(graph))(latents))
    }
  }
}
