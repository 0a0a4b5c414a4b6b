import Dispatch
import Graph
import Synchronization

/// What values of a tensor cannot be computed with.
public struct ValueFaults: Hashable, Sendable {
  /// NaN and infinities.
  public var notFiniteCount = 0
  /// Largest magnitude of the finite values that its storage cannot hold; 0 where all fit.
  public var tooLarge: Float = 0

  public init() {}

  /// Faults of two parts together.
  public mutating func add(_ other: ValueFaults) {
    notFiniteCount += other.notFiniteCount
    tooLarge = max(tooLarge, other.tooLarge)
  }
}

/// Moves parameters between files and storage piece by piece, on all cores and without a copy of any
/// whole tensor: bytes as they are where element types and order agree, through small blocks where they
/// do not.
public struct ParameterTransfer: Sendable {
  /// How the tensor lies in the file and in the graph.
  public let layout: ParameterLayout
  /// Element type in the file.
  public let fileDType: SafetensorsDType
  /// Element type of the graph's variable.
  public let storage: DType

  /// - Precondition: both element types are floating-point ones.
  public init(_ layout: ParameterLayout, from fileDType: SafetensorsDType, to storage: DType) {
    precondition(fileDType.isFloatingPoint && SafetensorsDType(storage).isFloatingPoint)
    self.layout = layout
    self.fileDType = fileDType
    self.storage = storage
  }

  /// Elements that one task moves at a time: its blocks stay in the processor's cache.
  static let blockElementCount = 1 << 15

  /// Writes elements, by their index in the graph's order, to where they are stored, each rounded to
  /// nearest even.
  /// - Parameters:
  ///   - elements: index range in the graph's order
  ///   - file: all bytes of the tensor in the file
  ///   - target: exactly these elements; only written to
  public func load(
    _ elements: Range<Int>, from file: UnsafeRawBufferPointer,
    into target: UnsafeMutableRawBufferPointer
  ) -> ValueFaults {
    let size = storage.byteCount
    precondition(target.count == elements.count * size)
    // Safe to share: each task writes elements of its own, and all end before this returns.
    nonisolated(unsafe) let (file, target) = (file, target)
    return Self.forEachBlock(elements.count) { [self] block in
      loadBlock(
        elements.lowerBound + block.lowerBound..<elements.lowerBound + block.upperBound, from: file,
        into: UnsafeMutableRawBufferPointer(
          rebasing: target[block.lowerBound * size..<block.upperBound * size]))
    }
  }

  /// What of a tensor could not be stored.
  /// - Parameter file: all bytes of the tensor in the file
  public func faults(of file: UnsafeRawBufferPointer) -> ValueFaults {
    let size = fileDType.byteCount
    nonisolated(unsafe) let file = file
    return Self.forEachBlock(file.count / size) { [self] block in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: block.count) { values in
        FloatConversion.decode(
          UnsafeRawBufferPointer(rebasing: file[block.lowerBound * size..<block.upperBound * size]),
          as: fileDType, into: values)
        return faults(UnsafeBufferPointer(values))
      }
    }
  }

  /// Ranges of elements on all cores, and what is found in any.
  private static func forEachBlock(
    _ count: Int, _ body: @Sendable (Range<Int>) -> ValueFaults
  ) -> ValueFaults {
    let faults = Mutex(ValueFaults())
    let blockCount = (count + blockElementCount - 1) / blockElementCount
    DispatchQueue.concurrentPerform(iterations: blockCount) { index in
      let start = index * blockElementCount
      let found = body(start..<min(count, start + blockElementCount))
      if found != ValueFaults() { faults.withLock { $0.add(found) } }
    }
    return faults.withLock { $0 }
  }

  private func loadBlock(
    _ elements: Range<Int>, from file: UnsafeRawBufferPointer,
    into target: UnsafeMutableRawBufferPointer
  ) -> ValueFaults {
    withUnsafeTemporaryAllocation(
      byteCount: layout.isIdentity ? 0 : elements.count * fileDType.byteCount, alignment: 16
    ) { ordered in
      let source: UnsafeRawBufferPointer
      if layout.isIdentity {
        let size = fileDType.byteCount
        source = UnsafeRawBufferPointer(
          rebasing: file[elements.lowerBound * size..<elements.upperBound * size])
      } else {
        gather(elements, from: file, into: ordered)
        source = UnsafeRawBufferPointer(ordered)
      }
      return store(source, count: elements.count, into: target)
    }
  }

  private func store(
    _ source: UnsafeRawBufferPointer, count: Int, into target: UnsafeMutableRawBufferPointer
  ) -> ValueFaults {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { values in
      FloatConversion.decode(source, as: fileDType, into: values)
      if SafetensorsDType(storage) == fileDType {
        target.copyMemory(from: source)
      } else {
        _ = FloatConversion.encode(
          UnsafeBufferPointer(values), as: SafetensorsDType(storage), into: target)
      }
      return faults(UnsafeBufferPointer(values))
    }
  }

  /// f32 values from here on become infinite in f16.
  private static let halfLimit: Float = 65520

  private func faults(_ values: UnsafeBufferPointer<Float>) -> ValueFaults {
    // Infinity and NaN fail every comparison.
    let limit: Float = storage == .f16 ? Self.halfLimit : .infinity
    var fits = true
    for value in values { fits = fits && value.magnitude < limit }
    var faults = ValueFaults()
    if fits { return faults }
    for value in values where !(value.magnitude < limit) {
      if value.isFinite {
        faults.tooLarge = max(faults.tooLarge, value.magnitude)
      } else {
        faults.notFiniteCount += 1
      }
    }
    return faults
  }

  /// Elements of a tensor O x I x H x W of the file in the order O x H x W x I.
  private func gather(
    _ elements: Range<Int>, from file: UnsafeRawBufferPointer,
    into target: UnsafeMutableRawBufferPointer
  ) {
    switch fileDType.byteCount {
    case 2: gather(UInt16.self, elements, from: file, into: target)
    case 4: gather(UInt32.self, elements, from: file, into: target)
    default: gather(UInt64.self, elements, from: file, into: target)
    }
  }

  private func gather<Bits: FixedWidthInteger & BitwiseCopyable>(
    _ type: Bits.Type, _ elements: Range<Int>, from file: UnsafeRawBufferPointer,
    into target: UnsafeMutableRawBufferPointer
  ) {
    let channels = layout.fileShape[1]
    let window = layout.fileShape[2] * layout.fileShape[3]
    let size = MemoryLayout<Bits>.size
    // Runs of one output channel and one place of the window lie together in the graph.
    var index = elements.lowerBound
    while index < elements.upperBound {
      let (run, channel) = index.quotientAndRemainder(dividingBy: channels)
      let count = min(channels - channel, elements.upperBound - index)
      let (output, place) = run.quotientAndRemainder(dividingBy: window)
      let source = ((output * channels + channel) * window + place) * size
      let destination = (index - elements.lowerBound) * size
      for offset in 0..<count {
        let bits = file.loadUnaligned(fromByteOffset: source + offset * window * size, as: type)
        target.storeBytes(of: bits, toByteOffset: destination + offset * size, as: type)
      }
      index += count
    }
  }
}
