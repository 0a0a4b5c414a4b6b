/// How the difference `d = prediction - target` of an element counts.
public enum LossKind: Hashable, Sendable {
  /// `d^2`
  case mse
  /// `|d|`
  case l1
  /// `d^2 / 2` where `|d| <= delta`, else `delta (|d| - delta / 2)`: torch's `huber_loss`.
  case huber(delta: Float)

  /// The error of a difference.
  public func value(_ d: Double) -> Double {
    switch self {
    case .mse: d * d
    case .l1: abs(d)
    case .huber(let delta):
      abs(d) <= Double(delta) ? d * d / 2 : Double(delta) * (abs(d) - Double(delta) / 2)
    }
  }

  /// The derivative with respect to the difference; 0 where L1 has none.
  public func derivative(_ d: Double) -> Double {
    switch self {
    case .mse: 2 * d
    case .l1: d > 0 ? 1 : d < 0 ? -1 : 0
    case .huber(let delta): min(max(d, -Double(delta)), Double(delta))
    }
  }
}

/// A loss for each sample, and their weighted sum:
///
///     sample[n] = sum of (mask e) / max(C sum of mask, tiny)    over sample n
///     loss = sum of weight[n] sample[n]
///
/// with `e` the error of prediction against target. Shapes: prediction, target [N, ..., C]; weight
/// f32 [N]; mask f32 [N, ..., 1], when there is one; loss f32 [1], sample f32 [N]. Only `loss` is
/// differentiated, with respect to prediction and target.
public struct SampleLoss: Operation {
  public static let name = "sample_loss"
  public let kind: LossKind
  public let hasMask: Bool
  /// The least sum of masks that is divided by.
  static let tiny = 0x1p-100

  public init(kind: LossKind, hasMask: Bool = false) {
    self.kind = kind
    self.hasMask = hasMask
  }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(
      inputs.count == (hasMask ? 4 : 3), "takes prediction, target, weight and mask if any")
    let (prediction, target, weight) = (inputs[0], inputs[1], inputs[2])
    try requireShape(
      prediction.rank >= 2 && prediction.shape == target.shape,
      "prediction \(prediction) and target \(target) are not [N, ..., C]")
    let perSample = TensorType([prediction.shape[0]], .f32)
    try requireShape(weight == perSample, "weight \(weight) is not \(perSample)")
    if hasMask {
      let expected = TensorType(prediction.shape.dropLast() + [1], .f32)
      try requireShape(inputs[3] == expected, "mask \(inputs[3]) is not \(expected)")
    }
    return [TensorType([1], .f32), perSample]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let view = MaskedSamples(inputs[0].type, mask: hasMask ? inputs[3] : nil)
    let (prediction, target) = (inputs[0].values, inputs[1].values)
    let samples = (0..<view.samples).map { sample in
      view.elements(of: sample).reduce(0) {
        $0 + view.mask(at: $1) * kind.value(prediction[$1] - target[$1])
      } / view.divisor(of: sample)
    }
    let loss = zip(samples, inputs[2].values).reduce(0) { $0 + $1.0 * $1.1 }
    return [HostTensor(outputs[0], [loss]), HostTensor(outputs[1], samples)]
  }

  public func gradient(_ context: GradientContext) -> [Tensor?] {
    var gradients: [Tensor?] = context.inputs.map { _ in nil }
    guard let dloss = context.outputGradients[0], context.needs[0] || context.needs[1] else {
      return gradients
    }
    let operation = SampleLossGradient(kind: kind, hasMask: hasMask)
    let dprediction = Tensor.apply(operation, context.inputs + [dloss])[0]
    gradients[0] = dprediction
    if context.needs[1] {
      gradients[1] = (dprediction * -1).converted(to: context.inputs[1].dtype)
    }
    return gradients
  }

  public func flopCount(_ inputs: [TensorType], outputs: [TensorType]) -> Int {
    3 * inputs[0].elementCount
  }
}

/// `dprediction = dloss weight[n] mask e' / max(C sum of mask, tiny)`.
///
/// Inputs: those of `SampleLoss`, then dloss f32 [1]; dprediction as prediction.
public struct SampleLossGradient: Operation {
  public static let name = "sample_loss_gradient"
  public let kind: LossKind
  public let hasMask: Bool

  public init(kind: LossKind, hasMask: Bool = false) {
    self.kind = kind
    self.hasMask = hasMask
  }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(inputs.last == TensorType([1], .f32), "the last input is not dloss f32 [1]")
    _ = try SampleLoss(kind: kind, hasMask: hasMask).outputTypes(Array(inputs.dropLast()))
    return [inputs[0]]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let view = MaskedSamples(inputs[0].type, mask: hasMask ? inputs[3] : nil)
    let (prediction, target) = (inputs[0].values, inputs[1].values)
    let dloss = inputs[inputs.count - 1].values[0]
    var dprediction = HostTensor(zeros: outputs[0])
    for sample in 0..<view.samples {
      let scale = dloss * inputs[2].values[sample] / view.divisor(of: sample)
      for element in view.elements(of: sample) {
        dprediction.values[element] =
          scale * view.mask(at: element) * kind.derivative(prediction[element] - target[element])
      }
    }
    return [dprediction]
  }

  public func flopCount(_ inputs: [TensorType], outputs: [TensorType]) -> Int {
    3 * inputs[0].elementCount
  }
}

/// Elements of each sample of [N, ..., C] with their masks.
private struct MaskedSamples {
  let samples: Int
  let size: Int
  let channels: Int
  let masks: [Double]?

  init(_ type: TensorType, mask: HostTensor?) {
    samples = type.shape[0]
    size = type.elementCount / max(samples, 1)
    channels = type.lastDimension
    masks = mask?.values
  }

  func elements(of sample: Int) -> Range<Int> { sample * size..<(sample + 1) * size }

  func mask(at element: Int) -> Double { masks?[element / channels] ?? 1 }

  func divisor(of sample: Int) -> Double {
    guard let masks else { return Double(size) }
    let places = size / channels
    let sum = masks[sample * places..<(sample + 1) * places].reduce(0, +)
    return max(sum * Double(channels), SampleLoss.tiny)
  }
}

extension Tensor {
  /// Weighted loss of a prediction [N, ..., C] against a target of the same shape.
  /// - Parameters:
  ///   - weight: f32 [N]
  ///   - mask: f32 [N, ..., 1]; nil counts every element
  /// - Returns: `loss` f32 [1], to be differentiated, and `perSample` f32 [N].
  public func loss(
    against target: Tensor, weight: Tensor, mask: Tensor? = nil, kind: LossKind = .mse
  ) -> (loss: Tensor, perSample: Tensor) {
    let operation = SampleLoss(kind: kind, hasMask: mask != nil)
    let results = Tensor.apply(operation, [self, target, weight] + (mask.map { [$0] } ?? []))
    return (results[0], results[1])
  }
}
