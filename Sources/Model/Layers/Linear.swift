import Graph

/// `y = x W^T + b`: a linear layer, or a 1 x 1 convolution on channels-last activations.
struct Linear {
  let weight: Tensor
  let bias: Tensor?

  /// - Parameters: `weight` [output, input], `bias` [output]
  init(weight: Tensor, bias: Tensor?) {
    self.weight = weight
    self.bias = bias
  }

  init(_ scope: WeightScope, from input: Int, to output: Int, hasBias: Bool = true) {
    self.init(
      weight: scope("weight", output, input), bias: hasBias ? scope("bias", output) : nil)
  }

  /// - Parameters: `x` [..., input]; `residual` [..., output], added to the result
  func callAsFunction(_ x: Tensor, residual: Tensor? = nil) -> Tensor {
    x.linear(weight, bias: bias, residual: residual)
  }
}
