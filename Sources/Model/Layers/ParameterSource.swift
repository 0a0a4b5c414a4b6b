import Graph

/// Where the networks of one graph get their weights: variables named as in the single file.
///
/// A weight is an expression over what is stored. Here it is the stored tensor itself; an adapter
/// gives an `expression` that returns, for example, W + s B A, with the graph shapes of
/// `ParameterLayout`.
public final class ParameterSource {
  /// What a layer uses in place of the stored tensor of that name; of the same shape.
  public typealias Expression = (_ name: String, _ stored: Tensor) -> Tensor

  /// The graph that parameters are declared in.
  public let graph: Graph
  /// How matrices and convolutions are stored; vectors (biases, norms) are f32: they are a thousandth
  /// of a model, and a norm's weight near 1 would lose its updates in 16 bits.
  public let dtype: DType
  /// The stored tensors in the order in which they were asked for, by single-file name.
  public private(set) var stored: [(name: String, tensor: Tensor)] = []
  private let isTrained: (String) -> Bool
  private let expression: Expression
  private var weights: [String: Tensor] = [:]

  /// - Parameters:
  ///   - dtype: storage of matrices and convolutions; arithmetic is f32 whatever it is
  ///   - trainable: whether the parameter of that single-file name gets a gradient
  ///   - expression: what layers use in place of a stored tensor
  public init(
    _ graph: Graph, dtype: DType = .f32, trainable: @escaping (String) -> Bool = { _ in false },
    expression: @escaping Expression = { $1 }
  ) {
    self.graph = graph
    self.dtype = dtype
    isTrained = trainable
    self.expression = expression
  }

  /// The stored tensors that get a gradient, in the order in which they were asked for.
  public var trained: [(name: String, tensor: Tensor)] { stored.filter { isTrained($0.name) } }

  /// The weight of that single-file name; asked for twice, it is the same tensor.
  func weight(_ name: String, _ shape: [Int]) -> Tensor {
    if let weight = weights[name] {
      precondition(weight.shape == shape, "\(name) is asked for as \(weight.shape) and \(shape)")
      return weight
    }
    let type = TensorType(shape, shape.count > 1 ? dtype : .f32)
    let variable = graph.variable(name, type, .parameter(trained: isTrained(name)))
    stored.append((name, variable))
    let weight = expression(name, variable)
    precondition(weight.shape == shape, "\(name) is \(shape), its expression \(weight.shape)")
    weights[name] = weight
    return weight
  }

  /// The weights whose names begin with the part's prefix.
  func scope(_ part: CheckpointPart) -> WeightScope {
    WeightScope(source: self, path: part.prefix)
  }
}

/// The weights below one place of a network: what a layer asks for its own by their last names.
struct WeightScope {
  let source: ParameterSource
  /// Beginning of the names, with its dot.
  let path: String

  /// The place of that name below this one.
  subscript(_ name: String) -> WeightScope {
    WeightScope(source: source, path: path + name + ".")
  }

  /// The weight of that name, with its shape in the graph.
  func callAsFunction(_ name: String, _ shape: Int...) -> Tensor {
    source.weight(path + name, shape)
  }
}
