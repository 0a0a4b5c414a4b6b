/// Conversion on the host between files' channels first and the graph's channels last.
public enum ChannelOrder {
  /// The elements of an N x C x H x W array in the order N x H x W x C.
  ///
  /// - Parameters:
  ///   - values: row-major in `shape`
  ///   - shape: [N, C, H, W]; for the weight of a convolution [O, I, H, W]
  public static func channelsLast(_ values: [Float], shape: [Int]) -> [Float] {
    precondition(shape.count == 4, "\(shape) is not [N, C, H, W]")
    return transposed(values, count: shape[0], rows: shape[1], columns: shape[2] * shape[3])
  }

  /// The elements of an N x H x W x C array in the order N x C x H x W.
  ///
  /// - Parameters:
  ///   - values: row-major in `shape`
  ///   - shape: [N, H, W, C]; for the weight of a convolution [O, H, W, I]
  public static func channelsFirst(_ values: [Float], shape: [Int]) -> [Float] {
    precondition(shape.count == 4, "\(shape) is not [N, H, W, C]")
    return transposed(values, count: shape[0], rows: shape[1] * shape[2], columns: shape[3])
  }

  /// The elements of an N x H x W x C array in the order N x C x H x W.
  ///
  /// - Parameters:
  ///   - source: row-major in `shape`
  ///   - shape: [N, H, W, C]; for the weight of a convolution [O, H, W, I]
  ///   - elementByteCount: 2 or 4
  ///   - target: as many bytes
  static func channelsFirst(
    _ source: UnsafeRawBufferPointer, shape: [Int], elementByteCount: Int,
    into target: UnsafeMutableRawBufferPointer
  ) {
    precondition(shape.count == 4 && target.count == source.count, "\(shape) is not [N, H, W, C]")
    precondition(source.count == shape.reduce(elementByteCount, *), "\(source.count) bytes")
    let (count, rows, columns) = (shape[0], shape[1] * shape[2], shape[3])
    switch elementByteCount {
    case 2: transpose(UInt16.self, source, count: count, rows: rows, columns: columns, into: target)
    case 4: transpose(UInt32.self, source, count: count, rows: rows, columns: columns, into: target)
    default: preconditionFailure("elements of \(elementByteCount) bytes")
    }
  }

  private static func transpose<Bits: BitwiseCopyable>(
    _ type: Bits.Type, _ source: UnsafeRawBufferPointer, count: Int, rows: Int, columns: Int,
    into target: UnsafeMutableRawBufferPointer
  ) {
    let size = MemoryLayout<Bits>.size
    for matrix in 0..<count {
      let start = matrix * rows * columns
      for column in 0..<columns {
        for row in 0..<rows {
          let bits = source.loadUnaligned(
            fromByteOffset: (start + row * columns + column) * size, as: type)
          target.storeBytes(
            of: bits, toByteOffset: (start + column * rows + row) * size, as: type)
        }
      }
    }
  }

  /// Transposes each of `count` matrices.
  private static func transposed(
    _ values: [Float], count: Int, rows: Int, columns: Int
  ) -> [Float] {
    precondition(values.count == count * rows * columns, "\(values.count) values")
    return values.withUnsafeBufferPointer { source in
      [Float](unsafeUninitializedCapacity: source.count) { target, written in
        for matrix in 0..<count {
          let start = matrix * rows * columns
          for column in 0..<columns {
            for row in 0..<rows {
              target[start + column * rows + row] = source[start + row * columns + column]
            }
          }
        }
        written = source.count
      }
    }
  }
}
