import Graph
import Testing

/// Largest relative L2 error of a kernel against the meaning in Double.
enum KernelTolerance {
  /// f32 arithmetic: a few roundings of 6e-8 each, sums in chunks.
  static let single = 1e-6
  /// 16-bit results: both sides round to storage, and an f32 error of 1e-7 tips a value that lies
  /// between two neighbours to the other one: about one in 10,000 (f16) or 50,000 (bf16) values, by
  /// 2^-11 or 2^-8 of itself.
  static let half = 3e-5
  static let brain = 1e-4

  static func of(_ types: [TensorType]) -> Double {
    let storage = Set(types.map(\.dtype))
    return storage.contains(.bf16) ? brain : storage.contains(.f16) ? half : single
  }
}

extension OperationCase {
  /// Runs the kernel twice: it must agree with the meaning, and with itself to the bit.
  func expectKernel(tolerance: Double? = nil, sourceLocation: SourceLocation = #_sourceLocation)
    throws
  {
    let backend = try SharedBackend.vulkan
    let data = makeInputs()
    let found = try run(on: backend, data)
    let again = try run(on: backend, data)
    let expected = try run(on: ReferenceBackend(), data)
    #expect(!found.isEmpty && found.count == expected.count, sourceLocation: sourceLocation)
    let errors = zip(found, expected).map(relativeError)
    let types = found.map(\.type)
    for (index, error) in errors.enumerated() {
      let limit = tolerance ?? KernelTolerance.of([types[index]])
      #expect(error < limit, "output \(index)", sourceLocation: sourceLocation)
    }
    let areEqual = zip(found, again).allSatisfy {
      $0.values.map(\.bitPattern) == $1.values.map(\.bitPattern)
    }
    #expect(areEqual, "two runs differ", sourceLocation: sourceLocation)
  }
}
