import Graph

/// What one kernel took.
public struct KernelMeasurement: Sendable {
  public let kernel: KernelCase
  /// Median of several runs, by the device's clock.
  public let seconds: Double
  /// Multiply-adds count as two.
  public let flopCount: Int
  /// Bytes that must be read and written at least: its inputs and outputs once.
  public let byteCount: Int
  /// The kernel among several; nil where there is one only.
  public let choice: KernelChoice?

  public var flopPerSecond: Double { Double(flopCount) / seconds }
  public var bytesPerSecond: Double { Double(byteCount) / seconds }
  /// FLOP a byte.
  public var intensity: Double { Double(flopCount) / Double(max(byteCount, 1)) }

  /// What it is held against.
  public var ceiling: Ceiling.Kind {
    if kernel.bound == .memory { return .copy }
    return choice?.code.usesMatrixUnits == true ? .matrix : .multiplyAdd
  }

  /// Its part of the ceiling, 1 for all of it.
  public func share(of ceilings: DeviceCeilings) -> Double {
    (kernel.bound == .arithmetic ? flopPerSecond : bytesPerSecond) / ceilings.perSecond(ceiling)
  }
}

extension KernelCase {
  /// Times it alone with the kernels chosen on a backend, as noise in memory of its own.
  /// - Parameter minimumSeconds: to measure for, unless one run takes as long
  /// - Throws: `VulkanError`
  public func measure(
    on backend: VulkanBackend, minimumSeconds: Double = 0.1
  ) throws -> KernelMeasurement {
    let timed = try TimedOperation(
      operation, inputs: inputs, constants: constants, on: backend)
    let seconds = try timed.medianSeconds(minimum: minimumSeconds)
    return KernelMeasurement(
      kernel: self, seconds: seconds,
      flopCount: operation.flopCount(inputs, outputs: timed.outputs),
      byteCount: (inputs + timed.outputs).reduce(0) { $0 + $1.byteCount }, choice: timed.choice)
  }

  /// A graph that has the operation alone, for `VulkanBackend.tune`.
  public var graph: Graph {
    let graph = Graph()
    let tensors = inputs.enumerated().map { graph.input("input \($0)", $1) }
    for (index, tensor) in graph.apply(operation, tensors).enumerated() {
      graph.output("output \(index)", tensor)
    }
    return graph
  }
}
