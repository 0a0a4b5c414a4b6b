import Foundation

/// A pointwise nonlinearity. The raw value is the kernels' macro ACTIVATION; 0 is none.
public enum Activation: Int, Hashable, Sendable, CaseIterable {
  /// `x sigmoid(x)`, also called swish.
  case silu = 1
  /// `x P(X < x)` for a standard normal X: the erf form (Hendrycks and Gimpel, arXiv 1606.08415).
  case gelu = 2
  /// `x sigmoid(1.702 x)`: CLIP ViT-L's approximation of GELU.
  case quickGELU = 3

  /// The function at x.
  public func value(_ x: Double) -> Double {
    switch self {
    case .silu: x * sigmoid(x)
    case .gelu: x * normalDistribution(x)
    case .quickGELU: x * sigmoid(1.702 * x)
    }
  }

  /// The derivative at x.
  public func derivative(_ x: Double) -> Double {
    switch self {
    case .silu:
      return sigmoid(x) * (1 + x * (1 - sigmoid(x)))
    case .gelu:
      return normalDistribution(x) + x * exp(-x * x / 2) / (2 * Double.pi).squareRoot()
    case .quickGELU:
      let s = sigmoid(1.702 * x)
      return s * (1 + 1.702 * x * (1 - s))
    }
  }

  private func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
  private func normalDistribution(_ x: Double) -> Double { erfc(-x / 2.0.squareRoot()) / 2 }
}

/// `y = activation(x)`, elementwise, in the shape and storage of x.
public struct Activate: Operation {
  public static let name = "activate"
  public let activation: Activation

  public init(_ activation: Activation) { self.activation = activation }

  public var inPlacePairs: [(input: Int, output: Int)] { [(0, 0)] }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(inputs.count == 1, "takes one tensor")
    return [inputs[0]]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    [HostTensor(outputs[0], inputs[0].values.map(activation.value))]
  }

  public func gradient(_ context: GradientContext) -> [Tensor?] {
    guard let dy = context.outputGradients[0] else { return [nil] }
    return [Tensor.apply(ActivateGradient(activation), [context.inputs[0], dy])[0]]
  }
}

/// `dx = activation'(x) dy`.
///
/// Inputs: x, dy of one shape; dx as x.
public struct ActivateGradient: Operation {
  public static let name = "activate_gradient"
  public let activation: Activation

  public init(_ activation: Activation) { self.activation = activation }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(inputs.count == 2, "takes x and dy")
    try requireShape(
      inputs[0].shape == inputs[1].shape, "x \(inputs[0]) and dy \(inputs[1]) differ in shape")
    return [inputs[0]]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let dx = zip(inputs[0].values, inputs[1].values).map { activation.derivative($0) * $1 }
    return [HostTensor(outputs[0], dx)]
  }
}

extension Tensor {
  /// `activation(x)`, elementwise.
  public func activated(_ activation: Activation) -> Tensor {
    Tensor.apply(Activate(activation), [self])[0]
  }
}
