import Graph

/// Every kernel that a device can run, against the CPU meaning.
public struct KernelVerification {
  /// The checks of one operation in one storage by one variant.
  public struct Row: Sendable {
    /// The operation's name.
    public let operation: String
    /// Storage of the results.
    public let storage: String
    public let variant: String
    /// Number of shapes and storages that were compared.
    public var caseCount = 0
    /// The largest error of all cases in units of its limit (see `KernelTolerance`).
    public var worst = 0.0
    /// The first case that failed, and how.
    public var failure: String?
  }

  private let backend: VulkanBackend
  private let cases: [OperationCase]

  /// - Parameter filter: part of the names of operations to check; nil checks all
  public init(_ backend: VulkanBackend, filter: String? = nil) {
    self.backend = backend
    cases = OperationCase.kernelCases.filter { check in
      filter.map { check.operation.name.contains($0) } ?? true
    }
  }

  /// Cases that there are to check.
  public var caseCount: Int { cases.count }

  /// Runs every case by every variant, twice, which must agree to the bit.
  ///
  /// - Parameter progress: called after each case with the number of those done
  /// - Throws: what the device throws; kernels that are wrong are told in the rows.
  public func run(progress: (Int) -> Void = { _ in }) throws -> [Row] {
    var rows: [String: Row] = [:]
    var order: [String] = []
    for (index, check) in cases.enumerated() {
      let data = check.makeInputs()
      let expected = try check.run(on: ReferenceBackend(), data)
      for variant in check.variants(on: backend.traits) {
        let storage = Set(expected.map(\.type.dtype.rawValue)).sorted().joined(separator: " ")
        let key = "\(check.operation.name) \(storage) \(variant)"
        if rows[key] == nil { order.append(key) }
        var row =
          rows[key]
          ?? Row(
            operation: check.operation.name, storage: storage, variant: variant.description)
        try add(check, variant, data, expected, to: &row)
        rows[key] = row
      }
      progress(index + 1)
    }
    return order.compactMap { rows[$0] }
  }

  private func add(
    _ check: OperationCase, _ variant: KernelVariant, _ data: [TensorData],
    _ expected: [HostTensor], to row: inout Row
  ) throws {
    let lowered = check.lowered(by: variant)
    let found = try lowered.run(on: backend, data)
    let again = try lowered.run(on: backend, data)
    row.caseCount += 1
    for (index, (value, meaning)) in zip(found, expected).enumerated() {
      let error = relativeError(value, meaning) / KernelTolerance.of(meaning.type)
      row.worst = max(row.worst, error)
      if !(error < 1), row.failure == nil {
        row.failure = "output \(index) of \(check): \(error) times the limit"
      }
    }
    let isSame = zip(found, again).allSatisfy {
      $0.values.map(\.bitPattern) == $1.values.map(\.bitPattern)
    }
    if !isSame, row.failure == nil { row.failure = "two runs of \(check) differ" }
  }
}
