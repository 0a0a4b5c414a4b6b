import CKernelParameters
import Graph

/// Dimensions of a broadcast or of a sum, neighbours merged where they are treated alike.
struct MergedShape {
  /// Sizes, and whether the smaller tensor has this dimension; kept and repeated ones alternate.
  private(set) var dimensions: [(size: Int, isKept: Bool)] = []

  init(_ small: [Int], within large: [Int]) {
    for (s, l) in zip(small, large) where l != 1 {
      let isKept = s == l
      if let last = dimensions.last, last.isKept == isKept {
        dimensions[dimensions.count - 1].size *= l
      } else {
        dimensions.append((l, isKept))
      }
    }
  }

  /// (outer, middle, inner) where only the middle is repeated; nil when there is more.
  var threeLevels: (outer: Int, middle: Int, inner: Int)? {
    var rest = dimensions[...]
    let take = { (isKept: Bool) -> Int in
      rest.first?.isKept == isKept ? rest.removeFirst().size : 1
    }
    let levels = (outer: take(true), middle: take(false), inner: take(true))
    return rest.isEmpty ? levels : nil
  }
}

extension LoweringContext {
  /// `y = a (op) b`, or `y = b` without `a`, with b repeated to the shape of y.
  func broadcast(_ path: String, a: Binding?, b: Binding) -> Launch {
    let y = outputs[0]
    let merged = MergedShape(b.type.shape, within: y.type.shape)
    var values = Values.single
    var parameters = BroadcastParameters()
    parameters.a = a?.address ?? 0
    parameters.b = b.address
    parameters.y = y.address
    var defines: [String: String] = [:]
    if let levels = merged.threeLevels {
      // Kept throughout: one flat level of all elements.
      let inner = levels.middle == 1 ? y.type.elementCount : levels.inner
      values = levels.middle == 1 ? .pairs : .dividing(inner)
      parameters.inner = UInt32(values.count(inner))
      parameters.middle = UInt32(levels.middle)
    } else {
      defines["GENERAL"] = "1"
      parameters.setStrides(merged)
    }
    let count = values.count(y.type.elementCount)
    parameters.count = UInt32(count)
    return elementwise(
      path, count: count, values: values,
      storage: ["A": a?.type.dtype ?? .f32, "B": b.type.dtype, "Y": y.type.dtype],
      defines: defines, parameters: parameters)
  }
}

extension BroadcastParameters {
  fileprivate mutating func setStrides(_ merged: MergedShape) {
    precondition(merged.dimensions.count <= 5, "a broadcast over more than five dimensions")
    var stride = 1
    var levels: [(size: UInt32, stride: UInt32)] = []  // innermost first
    for dimension in merged.dimensions.reversed() {
      levels.append((UInt32(dimension.size), dimension.isKept ? UInt32(stride) : 0))
      if dimension.isKept { stride *= dimension.size }
    }
    levels += Array(repeating: (1, 0), count: 5 - levels.count)
    (size4, stride4) = levels[0]
    (size3, stride3) = levels[1]
    (size2, stride2) = levels[2]
    (size1, stride1) = levels[3]
    stride0 = levels[4].stride
  }
}
