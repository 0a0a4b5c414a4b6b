import Graph

/// A 3 x 3 convolution with a bias.
struct Conv2D {
  let weight: Tensor
  let bias: Tensor
  let stride: Int
  let padding: Convolution2D.Padding

  /// - Parameter padding: zeros around the input; one on each side unless said
  init(
    _ scope: WeightScope, from input: Int, to output: Int, stride: Int = 1,
    padding: Convolution2D.Padding = .all(1)
  ) {
    weight = scope("weight", output, 3, 3, input)
    bias = scope("bias", output)
    self.stride = stride
    self.padding = padding
  }

  /// - Parameters: `x` [N, H, W, input]; `residual` [N, H', W', output], added to the result;
  ///   `dtype` of the result, x's unless said
  func callAsFunction(_ x: Tensor, residual: Tensor? = nil, dtype: DType? = nil) -> Tensor {
    x.convolved(
      weight, bias: bias, residual: residual, stride: stride, padding: padding, dtype: dtype)
  }
}
