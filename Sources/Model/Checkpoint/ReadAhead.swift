/// Keeps the disk busy with the tensors to come while one is worked on.
///
/// A page fault reads little at a time and waits for it; the system's own reading ahead begins anew at
/// each tensor.
public struct ReadAhead {
  private let file: Safetensors
  private var coming: ArraySlice<TensorEntry>

  /// How far the disk is ahead: enough that it never waits for a request, little beside the memory of
  /// any machine that holds the model.
  static let byteCount = 256 << 20

  /// - Parameter entries: in the order in which they will be read, which is best the file's
  public init(_ file: Safetensors, _ entries: [TensorEntry]) {
    self.file = file
    coming = entries[...]
  }

  /// To be called before a tensor is read: asks for those after it.
  public mutating func read(_ entry: TensorEntry) {
    let horizon = entry.byteRange.upperBound + Self.byteCount
    while let next = coming.first, next.byteRange.lowerBound < horizon {
      file.prefetch(next)
      coming.removeFirst()
    }
  }
}
