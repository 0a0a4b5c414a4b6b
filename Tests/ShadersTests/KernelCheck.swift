import Graph
import Testing

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
      let limit = tolerance ?? KernelTolerance.of(types[index])
      #expect(error < limit, "output \(index)", sourceLocation: sourceLocation)
    }
    let areEqual = zip(found, again).allSatisfy {
      $0.values.map(\.bitPattern) == $1.values.map(\.bitPattern)
    }
    #expect(areEqual, "two runs differ", sourceLocation: sourceLocation)
  }
}
