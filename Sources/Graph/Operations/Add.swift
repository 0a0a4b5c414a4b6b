/// `y = a + b`, where `b` is repeated along the dimensions in which it has size 1.
///
/// Shapes: a [d0, ..., dn]; b of the same rank, each dimension equal to a's or 1; y as a.
public struct Add: Operation {
  public static let name = "add"
  public init() {}

  public var inPlacePairs: [(input: Int, output: Int)] { [(0, 0)] }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(inputs.count == 2, "takes two tensors")
    try requireBroadcast(inputs[1].shape, to: inputs[0].shape)
    return [inputs[0]]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let b = inputs[1].broadcast(to: inputs[0].shape)
    return [HostTensor(outputs[0], zip(inputs[0].values, b).map(+))]
  }

  public func gradient(_ context: GradientContext) -> [Tensor?] {
    guard let dy = context.outputGradients[0] else { return [nil, nil] }
    let b = context.inputs[1]
    return [dy, context.needs[1] ? dy.summed(to: b.shape, as: b.dtype) : nil]
  }
}

extension Tensor {
  /// Elementwise sum; `b` may have size 1 where `a` has not.
  public static func + (a: Tensor, b: Tensor) -> Tensor { apply(Add(), [a, b])[0] }
}

/// Throws unless `small` has the rank of `large` and each of its dimensions is equal or 1.
func requireBroadcast(_ small: [Int], to large: [Int]) throws(ShapeError) {
  try requireShape(
    small.count == large.count && zip(small, large).allSatisfy { $0 == $1 || $0 == 1 },
    "\(small) does not repeat to \(large)")
}

extension HostTensor {
  /// The values repeated along the dimensions of size 1, row-major in `shape`.
  func broadcast(to shape: [Int]) -> [Double] {
    if shape == self.shape { return values }
    return broadcastOffsets(self.shape, over: shape).map { values[$0] }
  }
}

/// For each element of `large`, row-major, the offset of the element of `small` that it repeats.
func broadcastOffsets(_ small: [Int], over large: [Int]) -> [Int] {
  var offsets = [0]
  for (s, l) in zip(small, large) {
    var next: [Int] = []
    next.reserveCapacity(offsets.count * l)
    for offset in offsets {
      for i in 0..<l { next.append(s == 1 ? offset : offset * s + i) }
    }
    offsets = next
  }
  return offsets
}
