import Graph

/// What every residual block is told: `time_embed(time) + label_emb([pooled ; size and crop])`.
struct ConditionEmbedding {
  let time1: Linear, time2: Linear, label1: Linear, label2: Linear

  init(_ scope: WeightScope, _ configuration: UNetConfiguration) {
    let width = configuration.timeWidth
    time1 = Linear(scope["time_embed.0"], from: configuration.baseChannels, to: width)
    time2 = Linear(scope["time_embed.2"], from: width, to: width)
    label1 = Linear(scope["label_emb.0.0"], from: configuration.conditioningWidth, to: width)
    label2 = Linear(scope["label_emb.0.2"], from: width, to: width)
  }

  /// - Parameters:
  ///   - time: [N] f32, in timesteps (0 to 1000)
  ///   - pooled: [N, P], the conditioning width less 6 * 256
  ///   - timeIDs: [N, 6] f32: original height, width, crop top, left, target height, width
  /// - Returns: [N, timeWidth] in `pooled`'s storage
  func callAsFunction(time: Tensor, pooled: Tensor, timeIDs: Tensor) -> Tensor {
    let batch = pooled.shape[0]
    let sizes = timeIDs.timestepEmbedded(dimension: UNetConfiguration.timeIDWidth)
      .reshaped(to: [batch, timeIDs.shape[1] * UNetConfiguration.timeIDWidth])
      .converted(to: pooled.dtype)
    let label = Tensor.concatenated([pooled, sizes], axis: 1)
    let moment = time.timestepEmbedded(dimension: time1.weight.shape[1])
      .converted(to: pooled.dtype)
    let timePart = time2(time1(moment).activated(.silu))
    return label2(label1(label).activated(.silu), residual: timePart)
  }
}
