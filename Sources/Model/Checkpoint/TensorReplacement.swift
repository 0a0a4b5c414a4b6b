import Graph

/// New values of a tensor, handed to whoever saves it one piece after the other: none holds all.
public struct TensorReplacement {
  /// Element type of the pieces.
  public let dtype: SafetensorsDType
  /// Hands out every element, row-major in the file's layout; each piece holds whole elements.
  public let forEachPiece: (_ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Void

  /// - Parameters:
  ///   - dtype: element type of the pieces, a floating-point one
  ///   - forEachPiece: hands out every element, row-major in the file's layout, in whole elements
  public init(
    dtype: SafetensorsDType,
    forEachPiece: @escaping (_ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Void
  ) {
    precondition(dtype.isFloatingPoint, "a replacement of \(dtype)")
    self.dtype = dtype
    self.forEachPiece = forEachPiece
  }

  /// Values in memory, row-major in the file's layout.
  public init(floats values: [Float]) {
    self.init(dtype: .f32) { body in try values.withUnsafeBytes(body) }
  }

  /// A parameter of a store, in its file's layout.
  /// - Parameter pieceByteCount: of a piece that is moved from one order to the other, about
  public init(_ layout: ParameterLayout, of store: any Store, pieceByteCount: Int = 1 << 23) {
    let type = store.type(of: layout.name)
    self.init(dtype: SafetensorsDType(type.dtype)) { body in
      if layout.isIdentity {
        return try store.read(layout.name, bytes: 0..<type.byteCount, body)
      }
      // All of an output channel lies together in both orders.
      let channelByteCount = type.byteCount / type.shape[0]
      let step = max(1, pieceByteCount / channelByteCount) * channelByteCount
      for start in stride(from: 0, to: type.byteCount, by: step) {
        try Self.piece(layout, store, start..<min(type.byteCount, start + step), body)
      }
    }
  }

  private static func piece(
    _ layout: ParameterLayout, _ store: any Store, _ range: Range<Int>,
    _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let type = store.type(of: layout.name)
    try withUnsafeTemporaryAllocation(byteCount: 2 * range.count, alignment: 16) { memory in
      let stored = UnsafeMutableRawBufferPointer(rebasing: memory[..<range.count])
      let ordered = UnsafeMutableRawBufferPointer(rebasing: memory[range.count...])
      var filled = 0
      try store.read(layout.name, bytes: range) { bytes in
        UnsafeMutableRawBufferPointer(rebasing: stored[filled..<filled + bytes.count])
          .copyMemory(from: bytes)
        filled += bytes.count
      }
      let outputs = range.count * type.shape[0] / type.byteCount
      let shape = [outputs] + type.shape.dropFirst()
      ChannelOrder.channelsFirst(
        UnsafeRawBufferPointer(stored), shape: shape, elementByteCount: type.dtype.byteCount,
        into: ordered)
      try body(UnsafeRawBufferPointer(ordered))
    }
  }
}
