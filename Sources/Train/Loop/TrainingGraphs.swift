import Graph

/// The denoising network as a function on a graph: declares its parameters there.
///
/// Arguments: noisy latents [N, H, W, 4], network time [N], context [N, T, C], pooled [N, P],
/// time ids [N, 6]. Result: the prediction [N, H, W, 4].
public typealias Denoiser = (Graph, DenoiserInputs) -> Tensor

/// What the network sees.
public struct DenoiserInputs {
  /// Noisy latents, [N, H, W, 4].
  public var latents: Tensor
  /// Network time, [N].
  public var time: Tensor
  /// Hidden states of both text encoders, [N, T, C].
  public var context: Tensor
  /// Pooled text embedding, [N, P].
  public var pooled: Tensor
  /// Micro-conditioning, [N, 6], heights first.
  public var timeIDs: Tensor

  public init(latents: Tensor, time: Tensor, context: Tensor, pooled: Tensor, timeIDs: Tensor) {
    self.latents = latents
    self.time = time
    self.context = context
    self.pooled = pooled
    self.timeIDs = timeIDs
  }
}

/// Sizes of a batch: one plan is made for each.
public struct BatchShape: Hashable, Sendable {
  /// Samples, those that only fill up included.
  public var samples: Int
  /// Latent height and width.
  public var height: Int
  /// Latent width.
  public var width: Int
  /// Latent channels.
  public var channels: Int
  /// Tokens and width of the context.
  public var tokens: Int
  /// Width of the context.
  public var contextWidth: Int
  /// Width of the pooled embedding.
  public var pooledWidth: Int

  public init(
    samples: Int, height: Int, width: Int, channels: Int = 4, tokens: Int = 77,
    contextWidth: Int, pooledWidth: Int
  ) {
    self.samples = samples
    self.height = height
    self.width = width
    self.channels = channels
    self.tokens = tokens
    self.contextWidth = contextWidth
    self.pooledWidth = pooledWidth
  }

  /// Shape of the latents, [N, H, W, C].
  public var latents: [Int] { [samples, height, width, channels] }
}

/// Names of variables beside the network's parameters.
public enum StateName {
  public static func gradient(_ parameter: String) -> String { "gradient." + parameter }
  /// First moment, as torch's state names it.
  public static func firstMoment(_ parameter: String) -> String { "exp_avg." + parameter }
  /// Second moment, as torch's state names it.
  public static func secondMoment(_ parameter: String) -> String { "exp_avg_sq." + parameter }
  /// Largest magnitude of the first moment in each block of 256, where moments are 8-bit codes.
  public static func firstMomentScale(_ parameter: String) -> String {
    "absmax1." + parameter
  }
  /// Largest magnitude of the second moment in each block of 256.
  public static func secondMomentScale(_ parameter: String) -> String {
    "absmax2." + parameter
  }
  /// Averaged row means of squared gradients.
  public static func rowMeans(_ parameter: String) -> String { "exp_avg_sq_row." + parameter }
  /// Averaged column means of squared gradients.
  public static func columnMeans(_ parameter: String) -> String { "exp_avg_sq_col." + parameter }
  /// Weighted sum of gradients, of Prodigy.
  public static func gradientSum(_ parameter: String) -> String { "s." + parameter }
  /// The weight before the first update, of Prodigy.
  public static func initialWeight(_ parameter: String) -> String { "p0." + parameter }
  /// Distance and numerator of Prodigy (f32 [2]).
  public static let prodigyControl = "optimizer.prodigy"
  /// Updates made so far (f32 [1]); lives on the device because skipped updates do not count.
  public static let step = "optimizer.step"
  /// What gradients are computed times (f32 [1]), see `LossScaling`.
  public static let lossScale = "loss_scaling.scale"
  /// Updates in a row whose gradients were finite (f32 [1]).
  public static let goodSteps = "loss_scaling.good_steps"
}

/// Forward, loss and backward of one batch.
public enum MicroStep {
  /// What happens to the gradients.
  public enum Gradients: Hashable, Sendable {
    /// Overwrite the accumulators: the first batch of an update.
    case replace
    /// Add to the accumulators: the batches after it.
    case add
    /// Read back under the parameter's name, without accumulators.
    case output
    /// Read back the norm of each under the parameter's name, and the norm of all as `gradient_norm`; a
    /// schedule frees each gradient behind its norm.
    case norms
    /// None: the forward pass alone.
    case none
  }

  /// Where the noise comes from.
  public enum Noise: Hashable, Sendable {
    /// Philox keys (input `noise.keys`).
    case generated
    /// As `generated`, then as the options say (inputs `noise.addend` and `perturbation.keys` where
    /// they ask for it).
    case shaped(NoiseOptions)
    /// The input `noise`.
    case given
  }

  /// Builds the graph. Inputs: `latents`, `noise.keys` or `noise`, `noisy.coefficients` and
  /// `target.coefficients` [N, 2], `time` [N], `context`, `pooled`, `time_ids`, `weight` [N].
  /// Outputs: `loss` [1] (sum of weight times mean squared error) and `sample.losses` [N]; with
  /// `Noise.given` also `prediction`, `noisy` and `target`.
  /// - Parameters:
  ///   - scalesLoss: accumulators hold the gradients times the variable `StateName.lossScale`;
  ///     gradients that are read back are scaled on the way, and true
  ///   - storage: how the accumulator of a parameter's gradient is stored
  public static func graph(
    _ shape: BatchShape, loss kind: LossKind = .mse, noise: Noise = .generated,
    gradients: Gradients, scalesLoss: Bool = false,
    keptAs storage: (Variable) -> DType = { _ in .f32 }, denoiser: Denoiser
  ) -> Graph {
    let (graph, loss) = forward(shape, loss: kind, noise: noise, denoiser: denoiser)
    if gradients != .none {
      addGradients(graph, loss, gradients, scalesLoss: scalesLoss, storage)
    }
    return graph
  }

  /// The forward pass and its loss.
  static func forward(
    _ shape: BatchShape, loss kind: LossKind, noise: Noise, denoiser: Denoiser
  ) -> (graph: Graph, loss: Tensor) {
    let graph = Graph()
    let n = shape.samples
    let latents = graph.input("latents", TensorType(shape.latents))
    let noisyCoefficients = graph.input("noisy.coefficients", TensorType([n, 2]))
    let targetCoefficients = graph.input("target.coefficients", TensorType([n, 2]))
    let weight = graph.input("weight", TensorType([n]))
    let noiseTensor = makeNoise(graph, shape, noise)
    let noisy = Tensor.mixed(
      latents, perturbed(noiseTensor, graph, shape, noise), noisyCoefficients)
    let target = Tensor.mixed(latents, noiseTensor, targetCoefficients)
    let inputs = conditioning(graph, shape, latents: noisy)
    let prediction = denoiser(graph, inputs)
    let (loss, sampleLosses) = prediction.loss(against: target, weight: weight, kind: kind)
    graph.output("loss", loss)
    graph.output("sample.losses", sampleLosses)
    if noise == .given {
      graph.output("prediction", prediction)
      graph.output("noisy", noisy)
      graph.output("target", target)
    }
    return (graph, loss)
  }

  /// The inputs of the network but for the latents.
  public static func conditioning(
    _ graph: Graph, _ shape: BatchShape, latents: Tensor
  ) -> DenoiserInputs {
    let n = shape.samples
    return DenoiserInputs(
      latents: latents, time: graph.input("time", TensorType([n])),
      context: graph.input("context", TensorType([n, shape.tokens, shape.contextWidth])),
      pooled: graph.input("pooled", TensorType([n, shape.pooledWidth])),
      timeIDs: graph.input("time_ids", TensorType([n, 6])))
  }

  private static func makeNoise(_ graph: Graph, _ shape: BatchShape, _ noise: Noise) -> Tensor {
    switch noise {
    case .given: return graph.input("noise", TensorType(shape.latents))
    case .generated: return white(graph, shape, keys: "noise.keys")
    case .shaped(let options):
      let noise = white(graph, shape, keys: "noise.keys")
      guard options.hasAddend else { return noise }
      let factor = Float(options.whiteFactor(height: shape.height, width: shape.width))
      let scaled = factor == 1 ? noise : noise * factor
      return scaled + graph.input("noise.addend", TensorType(shape.latents))
    }
  }

  /// The noise that the input has: the target's, and more if asked for.
  private static func perturbed(
    _ tensor: Tensor, _ graph: Graph, _ shape: BatchShape, _ noise: Noise
  ) -> Tensor {
    guard case .shaped(let options) = noise, options.perturbation > 0 else { return tensor }
    return tensor + white(graph, shape, keys: "perturbation.keys") * Float(options.perturbation)
  }

  private static func white(_ graph: Graph, _ shape: BatchShape, keys name: String) -> Tensor {
    let keys = graph.input(name, TensorType([shape.samples, 5], .i32))
    return Tensor.apply(PhiloxNormal(shape: Array(shape.latents.dropFirst())), [keys])[0]
  }

  /// The gradient of the loss itself.
  static func lossScale(_ graph: Graph, _ loss: Tensor, _ mode: Gradients) -> Tensor {
    mode == .output || mode == .norms
      ? Tensor.apply(Fill(value: LossScaling.fixedScale), [loss])[0]
      : graph.variable(StateName.lossScale, TensorType([1]), .state)
  }

  private static func addGradients(
    _ graph: Graph, _ loss: Tensor, _ mode: Gradients, scalesLoss: Bool,
    _ storage: (Variable) -> DType
  ) {
    let parameters = graph.trainedParameters
    graph.cut(Graph.backwardSegment)
    let seed = scalesLoss ? lossScale(graph, loss, mode) : nil
    let gradients = graph.gradients(
      of: loss, withRespectTo: parameters.map(\.tensor), seed: seed)
    let factor = scalesLoss ? 1 / LossScaling.fixedScale : 1
    // What is done with a gradient is moved to where it is complete, so that it need not wait.
    if mode != .output { graph.cut(Graph.updateSegment) }
    var norms: [Tensor] = []
    for ((variable, parameter), gradient) in zip(parameters, gradients) {
      let name = variable.name
      // A parameter that the loss does not depend on has a gradient of zero.
      let value = gradient ?? Tensor.apply(Fill(value: 0), [parameter])[0]
      if mode == .norms {
        norms.append(Tensor.apply(GlobalNorm(), [value])[0] * factor)
        graph.output("norm." + name, norms[norms.count - 1])
        continue
      }
      if mode == .output {
        graph.output("grad." + name, scalesLoss ? value.converted(to: .f32) * factor : value)
        continue
      }
      let type = TensorType(parameter.shape, storage(variable))
      let accumulator = graph.variable(StateName.gradient(name), type, .state)
      let converted = value.converted(to: type.dtype)
      graph.assign(mode == .add ? accumulator + converted : converted, to: accumulator)
    }
    if mode == .norms { graph.output("gradient_norm", Tensor.apply(GlobalNorm(), norms)[0]) }
  }
}
