/// A kernel's worth of work with a defined meaning: shape rule, value in Double, gradient.
///
/// Attributes (stride, epsilon, activation, ...) are the stored properties of the conforming struct;
/// tensors are its inputs and outputs. Every operation has, under one stem: this rule in
/// `Graph/Operations`, a kernel in each backend, and a test that checks them against each other.
public protocol Operation: Hashable, Sendable {
  /// Stem shared by rule, shader and test: `group_norm`.
  static var name: String { get }

  /// The shape rule.
  /// - Throws: `ShapeError` naming the dimension that does not fit.
  func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType]

  /// The CPU meaning, in Double. Shapes have been checked by `outputTypes`.
  func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor]

  /// Gradients of a scalar with respect to each input, built out of operations; nil where the
  /// input needs none (`context.needs`) or the operation is constant in it.
  func gradient(_ context: GradientContext) -> [Tensor?]

  /// Pairs (input, output) that may share storage because every element is read before it is
  /// written, by the same invocation. Needed to assign a result to a variable that it reads.
  var inPlacePairs: [(input: Int, output: Int)] { get }

  /// True when output 0 is input 0's storage under another shape: no kernel is launched.
  var isAlias: Bool { get }

  /// The operation with one more input, behind the others, that is added to output 0 on the way; nil
  /// where it cannot do that. Saves a launch for each sum of gradients.
  func addingInput() -> (any Operation)?

  /// What computing it again costs, in the order in which recomputation is chosen.
  var recomputationCost: RecomputationCost { get }

  /// Multiply-adds count as two. Used by plans, progress and benchmarks.
  func flopCount(_ inputs: [TensorType], outputs: [TensorType]) -> Int
}

extension Operation {
  public var inPlacePairs: [(input: Int, output: Int)] { [] }
  public var isAlias: Bool { false }
  public var name: String { Self.name }
  public func addingInput() -> (any Operation)? { nil }
  public var recomputationCost: RecomputationCost { .bandwidth }

  /// One operation per element read or written, unless an operation knows better.
  public func flopCount(_ inputs: [TensorType], outputs: [TensorType]) -> Int {
    outputs.reduce(0) { $0 + $1.elementCount }
  }

  /// For operations that appear in gradients only: second derivatives are never asked for.
  public func gradient(_ context: GradientContext) -> [Tensor?] {
    preconditionFailure("\(name) has no gradient: it is itself part of one")
  }
}

/// How dear it is to compute a result again instead of keeping it.
public enum RecomputationCost: Int, Sendable, Comparable {
  /// Reading and writing memory: norms, activations, concatenation, changes of layout.
  case bandwidth
  /// A matrix product.
  case product
  /// A convolution or attention: only when everything else is recomputed.
  case heavy

  public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// What an operation's gradient rule may use.
public struct GradientContext {
  /// What the operation reads.
  public let inputs: [Tensor]
  /// What it writes.
  public let outputs: [Tensor]
  /// Gradient of each output; nil where nothing depends on it.
  public let outputGradients: [Tensor?]
  /// Whether input i's gradient is wanted at all: skip the work where it is not.
  public let needs: [Bool]
}
