import Graph
import Model

/// The UNet's forward pass on a device, on its own weights or on those of a running trainer.
public struct UNetRunner: DeviceNetwork {
  private let runner: NetworkRunner<Self>

  public init(_ runner: NetworkRunner<Self>) { self.runner = runner }

  /// The prediction [N, H, W, 4] for noisy latents [N, H, W, 4] at times [N].
  public func predict(
    _ shape: BatchShape, latents: [Float], time: [Float], context: [Float], pooled: [Float],
    timeIDs: [Float]
  ) throws -> [Float] {
    let n = shape.samples
    let result = try runner.run(
      shape,
      [
        "latents": TensorData(shape.latents, latents), "time": TensorData([n], time),
        "context": TensorData([n, shape.tokens, shape.contextWidth], context),
        "pooled": TensorData([n, shape.pooledWidth], pooled),
        "time_ids": TensorData([n, 6], timeIDs),
      ])
    return result["prediction"]?.floats ?? []
  }

  /// The UNet as a denoiser whose parameters are trained, or not.
  public static func denoiser(
    _ configuration: UNetConfiguration, storage: UNetStorage = .f32,
    trained: @escaping (String) -> Bool = { _ in true }
  ) -> Denoiser {
    { graph, inputs in
      UNet(configuration, ParameterSource(graph, dtype: storage.weights, trainable: trained))(
        inputs.latents, time: inputs.time, context: inputs.context, pooled: inputs.pooled,
        timeIDs: inputs.timeIDs, dtype: storage.activations)
    }
  }

  /// Adds the UNet to a graph, with its inputs and its prediction.
  public static func build(_ unet: StoredUNet) -> (Graph, BatchShape) -> Void {
    { graph, shape in
      let latents = graph.input("latents", TensorType(shape.latents))
      let inputs = MicroStep.conditioning(graph, shape, latents: latents)
      // Trained or frozen makes no difference to a forward pass, but variables shared with a
      // trainer are declared as there.
      let denoiser = denoiser(unet.configuration, storage: unet.storage)
      graph.output("prediction", denoiser(graph, inputs))
    }
  }
}
