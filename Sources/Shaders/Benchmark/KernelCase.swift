import Graph

/// An operation at shapes of SDXL, to be timed.
public struct KernelCase: Sendable {
  /// What bounds it on a device that does it well.
  public enum Bound: String, Sendable {
    /// Multiply-adds: products, convolutions, attention.
    case arithmetic
    /// Reading its inputs and writing its outputs once.
    case memory
  }

  /// For example `product dx`: d is for the gradient with respect to.
  public let name: String
  /// For example `4096x640x640`.
  public let shape: String
  public let bound: Bound
  public let operation: any VulkanOperation
  public let inputs: [TensorType]
  /// Values of inputs that cannot be noise, by index.
  let constants: [Int: Double]

  init(
    _ name: String, _ shape: String, _ bound: Bound, _ operation: any VulkanOperation,
    _ inputs: [TensorType], constants: [Int: Double] = [:]
  ) {
    self.name = name
    self.shape = shape
    self.bound = bound
    self.operation = operation
    self.inputs = inputs
    self.constants = constants
  }

  /// Storage of its inputs, those of scalars and statistics left out: `f32`, or `f32 x bf16`.
  public var storage: String {
    let large = inputs.filter { $0.elementCount > 1 && $0.dtype != .i32 }.prefix(2).map(\.dtype)
    guard let first = large.first else { return DType.f32.rawValue }
    return Set(large).count > 1
      ? large.map(\.rawValue).joined(separator: " x ") : first.rawValue
  }

  /// Whether its name, shape or operation has a text in it.
  public func matches(_ filter: String) -> Bool {
    "\(name) \(shape) \(operation.name)".lowercased().contains(filter.lowercased())
  }
}

/// SDXL's own shapes at 1024 x 1024 pixels: a latent of 128 x 128, levels of 320, 640 and 1280
/// channels at 128, 64 and 32 latent pixels a side.
public struct KernelCases: Sendable {
  /// Samples at once.
  public let batch: Int
  /// Storage of activations.
  public let activations: DType
  /// Storage of weights and their gradients.
  public let weights: DType

  public init(batch: Int, activations: DType, weights: DType) {
    self.batch = batch
    self.activations = activations
    self.weights = weights
  }

  /// Every case, heavy families first.
  public var all: [KernelCase] {
    products + convolutions + attentions + norms + elementwise + updates
  }

  private func activation(_ shape: Int...) -> TensorType { TensorType(shape, activations) }
  private func weight(_ shape: Int...) -> TensorType { TensorType(shape, weights) }
}

extension KernelCases {
  /// x W^T and both its gradients.
  private var products: [KernelCase] {
    let square = 4096  // what products are compared by elsewhere
    let comparison = KernelCase(
      "product", "\(square)x\(square)x\(square)", .arithmetic, MatrixProduct(transposeB: true),
      [activation(square, square), weight(square, square)])
    let sizes = [(4096, 640, 640), (1024, 1280, 1280), (4096, 5120, 640), (1024, 10240, 1280)]
    return [comparison]
      + sizes.flatMap {
        (rows, n, k) -> [KernelCase] in
        let m = batch * rows
        let (x, dy, w) = (activation(m, k), activation(m, n), weight(n, k))
        let shape = "\(m)x\(n)x\(k)"
        return [
          KernelCase("product", shape, .arithmetic, MatrixProduct(transposeB: true), [x, w]),
          KernelCase("product dx", shape, .arithmetic, MatrixProduct(), [dy, w]),
          KernelCase(
            "product dw", shape, .arithmetic, MatrixProduct(transposeA: true, dtype: weights),
            [dy, x]),
        ]
      }
  }

  /// 3x3 convolutions of a residual block, and both their gradients.
  private var convolutions: [KernelCase] {
    [(320, 128), (640, 64), (1280, 32)].flatMap { (channels, side) -> [KernelCase] in
      let x = activation(batch, side, side, channels)
      let w = weight(channels, 3, 3, channels)
      let shape = place(channels, side)
      let padding = Convolution2D.Padding.all(1)
      return [
        KernelCase(
          "convolution", shape, .arithmetic, Convolution2D(padding: padding, hasBias: true),
          [x, w, weight(channels)]),
        KernelCase(
          "convolution dx", shape, .arithmetic,
          Convolution2DInputGradient(inputSize: (side, side), padding: padding), [x, w]),
        KernelCase(
          "convolution dw", shape, .arithmetic,
          Convolution2DWeightGradient(kernelSize: (3, 3), padding: padding, dtype: weights), [x, x]),
      ]
    }
  }

  /// Attention to the picture itself and to the 77 tokens of a caption; heads are 64 wide.
  private var attentions: [KernelCase] {
    [(10, 4096, 4096), (20, 1024, 1024), (10, 4096, 77), (20, 1024, 77)].flatMap {
      (heads, queries, keys) -> [KernelCase] in
      let (q, k) = (activation(batch, queries, heads * 64), activation(batch, keys, heads * 64))
      let statistics = TensorType([batch, heads, queries])
      let shape = "\(heads) heads \(queries)x\(keys)" + (batch > 1 ? " batch \(batch)" : "")
      return [
        KernelCase("attention", shape, .arithmetic, Attention(heads: heads), [q, k, k]),
        KernelCase(
          "attention gradient", shape, .arithmetic, AttentionGradient(heads: heads),
          // The logarithm of a sum over all keys of exponentials of small scores.
          [q, k, k, q, statistics, q], constants: [4: 8]),
      ]
    }
  }

  private var norms: [KernelCase] {
    let groupNorms = [(320, 128), (1280, 32)].flatMap { (channels, side) -> [KernelCase] in
      let (x, w) = (activation(batch, side, side, channels), weight(channels))
      let statistics = TensorType([batch, 32])
      return [
        KernelCase(
          "group norm", place(channels, side), .memory, GroupNorm(groups: 32, epsilon: 1e-5),
          [x, w, w]),
        KernelCase(
          "group norm SiLU", place(channels, side), .memory,
          GroupNorm(groups: 32, epsilon: 1e-5, activation: .silu), [x, w, w]),
        KernelCase(
          "group norm gradient", place(channels, side), .memory,
          GroupNormGradient(groups: 32, activation: .silu),
          [x, w, w, statistics, statistics, x], constants: [3: 0, 4: 1]),
      ]
    }
    let (x, w) = (activation(batch * 4096, 640), weight(640))
    let statistics = TensorType([batch * 4096])
    return groupNorms + [
      KernelCase("layer norm", rows(x), .memory, LayerNorm(epsilon: 1e-5), [x, w, w]),
      KernelCase(
        "layer norm gradient", rows(x), .memory, LayerNormGradient(),
        [x, w, statistics, statistics, x], constants: [2: 0, 3: 1]),
    ]
  }

  private var elementwise: [KernelCase] {
    let x = activation(batch * 4096, 640)
    let wide = activation(batch * 4096, 5120)
    let half = activation(batch * 4096, 2560)
    return [
      KernelCase("SiLU", rows(x), .memory, Activate(.silu), [x]),
      KernelCase("SiLU gradient", rows(x), .memory, ActivateGradient(.silu), [x, x]),
      KernelCase("GEGLU", rows(wide), .memory, GEGLU(), [wide]),
      KernelCase("GEGLU gradient", rows(wide), .memory, GEGLUGradient(), [wide, half]),
      KernelCase("add", rows(x), .memory, Add(), [x, x]),
      KernelCase("column sums", rows(x), .memory, SumTo(shape: [1, 640]), [x]),
      KernelCase(
        "Philox noise", "\(batch)x128x128x4", .memory, PhiloxNormal(shape: [128, 128, 4]),
        [TensorType([batch, 5], .i32)]),
    ]
  }

  /// What runs over all parameters.
  private var updates: [KernelCase] {
    let count = 16 << 20
    let (scalar, state) = (TensorType([1]), TensorType([count]))
    return [
      KernelCase("global norm", "16M", .memory, GlobalNorm(), [state]),
      KernelCase(
        "AdamW", "16M", .memory,
        AdamW(
          beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01,
          tensors: UpdatedTensors(count: 1)),
        [scalar, scalar, scalar, weight(count), state, state, state],
        constants: [0: 1e-5, 1: 10, 2: 1, 6: 1]),
    ]
  }

  private func place(_ channels: Int, _ side: Int) -> String {
    "\(channels) at \(side)x\(side)" + (batch > 1 ? " batch \(batch)" : "")
  }

  private func rows(_ type: TensorType) -> String { "\(type.shape[0])x\(type.shape[1])" }
}
