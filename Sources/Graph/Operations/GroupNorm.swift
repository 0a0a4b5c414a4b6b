/// `y = activation((x - mean) rstd weight + bias)`, mean and variance over a group of channels and
/// all places of one sample; `rstd = 1 / sqrt(variance + epsilon)`, the variance over n.
///
/// Shapes: x [N, ..., C]; weight, bias [C]; y as x; mean, rstd f32 [N, groups]. Statistics are not
/// differentiated on their own.
/// - Source: Wu and He, arXiv 1803.08494.
public struct GroupNorm: Operation {
  public static let name = "group_norm"
  public let groups: Int
  public let epsilon: Double
  public let activation: Activation?

  public init(groups: Int, epsilon: Double, activation: Activation? = nil) {
    self.groups = groups
    self.epsilon = epsilon
    self.activation = activation
  }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(inputs.count == 3, "takes x, weight and bias")
    let x = inputs[0]
    try requireShape(x.rank >= 2, "x \(x) is not [N, ..., C]")
    try requireShape(
      groups > 0 && x.lastDimension % groups == 0,
      "\(x.lastDimension) channels do not divide into \(groups) groups")
    for parameter in inputs[1...] {
      try requireShape(
        parameter.shape == [x.lastDimension], "\(parameter) for \(x.lastDimension) channels")
    }
    let statistics = TensorType([x.shape[0], groups], .f32)
    return [x, statistics, statistics]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let x = inputs[0].values
    let view = GroupView(x: inputs[0].type, groups: groups)
    var y = HostTensor(zeros: outputs[0])
    var mean = HostTensor(zeros: outputs[1])
    var rstd = HostTensor(zeros: outputs[2])
    for sample in 0..<view.samples {
      for group in 0..<groups {
        let count = Double(view.places * view.width)
        var sum = 0.0
        view.forEach(sample, group) { element, _ in sum += x[element] }
        let average = sum / count
        var squares = 0.0
        view.forEach(sample, group) { element, _ in
          squares += (x[element] - average) * (x[element] - average)
        }
        let scale = 1 / (squares / count + epsilon).squareRoot()
        view.forEach(sample, group) { element, channel in
          let z =
            (x[element] - average) * scale * inputs[1].values[channel] + inputs[2].values[channel]
          y.values[element] = activation?.value(z) ?? z
        }
        mean.values[sample * groups + group] = average
        rstd.values[sample * groups + group] = scale
      }
    }
    return [y, mean, rstd]
  }

  public func gradient(_ context: GradientContext) -> [Tensor?] {
    guard let dy = context.outputGradients[0] else { return [nil, nil, nil] }
    let hasParameters = context.needs[1] || context.needs[2]
    let operation = GroupNormGradient(
      groups: groups, activation: activation, hasParameterGradients: hasParameters)
    let results = Tensor.apply(operation, context.inputs + context.outputs[1...] + [dy])
    return hasParameters ? results : [results[0], nil, nil]
  }

  public func flopCount(_ inputs: [TensorType], outputs: [TensorType]) -> Int {
    8 * inputs[0].elementCount
  }
}

extension Tensor {
  /// Group norm over the last dimension's channels, then the activation, if any.
  public func groupNormalized(
    _ weight: Tensor, _ bias: Tensor, groups: Int, epsilon: Double, activation: Activation? = nil
  ) -> Tensor {
    let operation = GroupNorm(groups: groups, epsilon: epsilon, activation: activation)
    return Tensor.apply(operation, [self, weight, bias])[0]
  }
}

/// The elements of one group of one sample in a tensor [N, ..., C].
struct GroupView {
  let samples: Int
  /// Places of a sample: the product of the dimensions between first and last.
  let places: Int
  let channels: Int
  /// Channels of a group.
  let width: Int

  init(x: TensorType, groups: Int) {
    samples = x.shape[0]
    channels = x.lastDimension
    places = x.shape[1..<(x.rank - 1)].reduce(1, *)
    width = channels / groups
  }

  /// Calls `body(element, channel)` in the order of storage.
  func forEach(_ sample: Int, _ group: Int, _ body: (Int, Int) -> Void) {
    for place in 0..<places {
      let row = (sample * places + place) * channels
      for channel in group * width..<(group + 1) * width { body(row + channel, channel) }
    }
  }
}
