import Graph

extension VulkanBackend {
  /// Seconds of a launch that does next to nothing, among others like it with barriers between them:
  /// what each launch of a step costs at least.
  /// - Throws: `VulkanError`
  public func launchSeconds() throws -> Double {
    let timed = try TimedOperation(Fill(value: 0), inputs: [TensorType([1])], on: self)
    _ = try timed.seconds(runs: 1)
    return try timed.seconds(runs: 9, repeats: 100).sorted()[4]
  }
}
