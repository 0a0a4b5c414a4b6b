import Dispatch
import Graph

/// Checkpoints of synthetic weights (`SyntheticTensors`) in the single-file layout, f16: the models
/// that tests and the quickstart start from.
public enum SyntheticCheckpoint {
  /// The sizes known by name.
  public enum Size: String, CaseIterable, Sendable {
    case tiny, odd, full

    /// Widths and depths of this size.
    public var configuration: SDXLConfiguration {
      switch self {
      case .tiny: .tiny
      case .odd: .odd
      case .full: .full
      }
    }
  }

  /// Elements generated before they are written: 32 MB.
  private static let batchElementCount = 1 << 24
  /// Elements that one task generates.
  private static let taskElementCount = 1 << 18

  /// Writes a checkpoint, tensor by tensor: memory stays far below the file's size.
  ///
  /// - Throws: `InputError` when the file cannot be written
  public static func write(
    _ configuration: SDXLConfiguration, seed: UInt64 = 0, to path: String
  ) throws {
    let tensors = configuration.manifest
      .map { TensorDescription(name: $0.name, dtype: .f16, shape: $0.shape) }
      .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    let largest = tensors.map(\.elementCount).max() ?? 0
    let batch = UnsafeMutableBufferPointer<UInt16>.allocate(
      capacity: min(largest, batchElementCount))
    defer { batch.deallocate() }
    try SafetensorsWriter.write(tensors, metadata: ["format": "pt"], to: path) { tensor, write in
      let weight = SyntheticWeight(name: tensor.name, shape: tensor.shape, seed: seed)
      var start = 0
      while start < tensor.elementCount {
        let count = min(batch.count, tensor.elementCount - start)
        let part = UnsafeMutableBufferPointer(rebasing: batch[..<count])
        fill(part, with: weight, from: start)
        try write(UnsafeRawBufferPointer(part))
        start += count
      }
    }
  }

  private static func fill(
    _ bits: UnsafeMutableBufferPointer<UInt16>, with weight: SyntheticWeight, from start: Int
  ) {
    // Safe to share: each task writes elements of its own, and all end before this returns.
    nonisolated(unsafe) let bits = bits
    let taskCount = (bits.count + taskElementCount - 1) / taskElementCount
    DispatchQueue.concurrentPerform(iterations: taskCount) { task in
      let range = task * taskElementCount..<min(bits.count, (task + 1) * taskElementCount)
      weight.fill(UnsafeMutableBufferPointer(rebasing: bits[range]), from: start + range.lowerBound)
    }
  }
}
