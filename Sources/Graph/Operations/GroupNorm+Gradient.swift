/// Gradients of group norm with activation. With `h = (x - mean) rstd`, `z = h weight + bias` and
/// `dz = activation'(z) dy`:
///
///     dweight = sum of dz h,   dbias = sum of dz      (over samples and places)
///     dx = rstd (dz weight - average of (dz weight) - h average of (dz weight h))   (over a group)
///
/// Inputs: x, weight, bias, mean, rstd, dy and, if there, a residual; dx as x, with the residual added; dweight, dbias [C] in the storage of weight.
public struct GroupNormGradient: Operation {
  public static let name = "group_norm_gradient"
  public let groups: Int
  public let activation: Activation?
  /// False for frozen parameters: dx is then the only output.
  public let hasParameterGradients: Bool
  public let hasResidual: Bool

  public init(
    groups: Int, activation: Activation?, hasParameterGradients: Bool = true,
    hasResidual: Bool = false
  ) {
    self.groups = groups
    self.activation = activation
    self.hasParameterGradients = hasParameterGradients
    self.hasResidual = hasResidual
  }

  public func addingInput() -> (any Operation)? {
    hasResidual
      ? nil
      : GroupNormGradient(
        groups: groups, activation: activation, hasParameterGradients: hasParameterGradients,
        hasResidual: true)
  }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(
      inputs.count == (hasResidual ? 7 : 6),
      "takes x, weight, bias, mean, rstd, dy and the residual, if any")
    let norm = GroupNorm(groups: groups, epsilon: 0, activation: activation)
    let forward = try norm.outputTypes(Array(inputs[..<3]))
    try requireShape(
      inputs[3] == forward[1] && inputs[4] == forward[2],
      "statistics \(inputs[3]) and \(inputs[4]) are not \(forward[1])")
    try requireShape(inputs[5].shape == inputs[0].shape, "dy \(inputs[5]) for x \(inputs[0])")
    try requireShape(
      !hasResidual || inputs[6].shape == inputs[0].shape,
      "the residual \(inputs[inputs.count - 1]) for x \(inputs[0])")
    return hasParameterGradients ? [inputs[0], inputs[1], inputs[1]] : [inputs[0]]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let (x, weight, bias, dy) = (
      inputs[0].values, inputs[1].values, inputs[2].values, inputs[5].values
    )
    let view = GroupView(x: inputs[0].type, groups: groups)
    let count = Double(view.places * view.width)
    var dx = HostTensor(zeros: inputs[0].type)
    var dweight = HostTensor(zeros: inputs[1].type)
    var dbias = HostTensor(zeros: inputs[1].type)
    for sample in 0..<view.samples {
      for group in 0..<groups {
        let mean = inputs[3].values[sample * groups + group]
        let rstd = inputs[4].values[sample * groups + group]
        // h and dz at an element
        let parts = { (element: Int, channel: Int) -> (Double, Double) in
          let h = (x[element] - mean) * rstd
          let z = h * weight[channel] + bias[channel]
          return (h, dy[element] * (self.activation?.derivative(z) ?? 1))
        }
        var (average, correlation) = (0.0, 0.0)
        view.forEach(sample, group) { element, channel in
          let (h, dz) = parts(element, channel)
          average += dz * weight[channel] / count
          correlation += dz * weight[channel] * h / count
          dweight.values[channel] += dz * h
          dbias.values[channel] += dz
        }
        view.forEach(sample, group) { element, channel in
          let (h, dz) = parts(element, channel)
          dx.values[element] = rstd * (dz * weight[channel] - average - h * correlation)
        }
      }
    }
    if hasResidual { dx.values = zip(dx.values, inputs[6].values).map(+) }
    return hasParameterGradients ? [dx, dweight, dbias] : [dx]
  }

  public func flopCount(_ inputs: [TensorType], outputs: [TensorType]) -> Int {
    16 * inputs[0].elementCount
  }
}
