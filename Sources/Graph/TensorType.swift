/// Shape and storage of a tensor: everything a shape rule needs to know.
public struct TensorType: Hashable, Sendable, CustomStringConvertible {
  /// Dimensions, outermost first; elements are stored row-major and contiguous.
  public var shape: [Int]
  /// Element type in storage.
  public var dtype: DType

  public init(_ shape: [Int], _ dtype: DType = .f32) {
    self.shape = shape
    self.dtype = dtype
  }

  /// Number of elements: the product of the dimensions (1 for a scalar).
  public var elementCount: Int { shape.reduce(1, *) }
  /// Bytes of storage.
  public var byteCount: Int { elementCount * dtype.byteCount }
  /// Number of dimensions.
  public var rank: Int { shape.count }
  /// Size of the last dimension (1 for a scalar).
  public var lastDimension: Int { shape.last ?? 1 }

  public var description: String {
    "\(dtype.rawValue)[\(shape.map(String.init).joined(separator: ", "))]"
  }
}

/// A violated shape rule: a mistake of the program that builds a graph, not of its user.
public struct ShapeError: Error, CustomStringConvertible {
  public var description: String
  public init(_ description: String) { self.description = description }
}

/// Throws a `ShapeError` when a shape rule does not hold.
public func requireShape(_ holds: Bool, _ message: @autoclosure () -> String) throws(ShapeError) {
  if !holds { throw ShapeError(message()) }
}
