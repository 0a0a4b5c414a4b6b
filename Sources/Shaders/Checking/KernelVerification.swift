import Dispatch
import Graph
import Synchronization

/// Every kernel that a device can run, against the CPU meaning.
public struct KernelVerification: Sendable {
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

  private let backends: [VulkanBackend]
  private let cases: [OperationCase]

  /// - Parameters:
  ///   - backends: of one device, perhaps opened several times: each checks cases on a thread of its
  ///     own, because compiling takes most of the time, and drivers do it on the thread that asks
  ///   - filter: part of the names of operations to check; nil checks all
  public init(_ backends: [VulkanBackend], filter: String? = nil) {
    self.backends = backends
    cases = OperationCase.kernelCases.filter { check in
      filter.map { check.operation.name.contains($0) } ?? true
    }
  }

  /// Cases that there are to check.
  public var caseCount: Int { cases.count }

  /// What threads share.
  fileprivate struct Progress {
    var begun = 0
    var done = 0
    /// By case.
    var rows: [Int: [Row]] = [:]
    var failure: (any Error)?
  }

  /// Runs every case by every variant, twice, which must agree to the bit.
  ///
  /// - Parameters:
  ///   - begins: called with a case and a variant before it is compiled and run, by several threads
  ///   - progress: called after each case with the number of those done, by one thread at a time
  /// - Throws: what the device throws; kernels that are wrong are told in the rows.
  public func run(
    begins: @escaping @Sendable (OperationCase, KernelVariant) -> Void = { _, _ in },
    progress: @Sendable (Int) -> Void = { _ in }
  ) throws -> [Row] {
    let state = Mutex(Progress())
    DispatchQueue.concurrentPerform(iterations: backends.count) { thread in
      while let index = state.withLock({ $0.begin(of: cases.count) }) {
        let rows = Result { try check(cases[index], on: backends[thread], begins) }
        state.withLock {
          switch rows {
          case .success(let rows): $0.rows[index] = rows
          case .failure(let error): $0.failure = $0.failure ?? error
          }
          $0.done += 1
          progress($0.done)
        }
      }
    }
    let found = state.withLock { $0 }
    if let failure = found.failure { throw failure }
    return Self.joined(cases.indices.flatMap { found.rows[$0] ?? [] })
  }

  /// Rows of the same operation, storage and variant as one, in the order in which they first come.
  private static func joined(_ parts: [Row]) -> [Row] {
    var rows: [Row] = []
    var places: [String: Int] = [:]
    for part in parts {
      let key = "\(part.operation) \(part.storage) \(part.variant)"
      if let place = places[key] {
        rows[place].add(part)
      } else {
        places[key] = rows.count
        rows.append(part)
      }
    }
    return rows
  }

  /// Whether it is attention on matrix units.
  private func roundsWeights(_ check: OperationCase, _ variant: KernelVariant) -> Bool {
    variant.choice?.code.usesMatrixUnits == true
      && (check.operation is Attention || check.operation is AttentionGradient)
  }

  /// A row for each variant.
  private func check(
    _ check: OperationCase, on backend: VulkanBackend,
    _ begins: (OperationCase, KernelVariant) -> Void
  ) throws -> [Row] {
    let data = check.makeInputs()
    let expected = try check.run(on: ReferenceBackend(), data)
    let storage = Set(expected.map(\.type.dtype.rawValue)).sorted().joined(separator: " ")
    return try check.variants(on: backend.traits).map { variant in
      var row = Row(
        operation: check.operation.name, storage: storage, variant: variant.description,
        caseCount: 1)
      begins(check, variant)
      let lowered = check.lowered(by: variant)
      let found = try lowered.run(on: backend, data)
      let again = try lowered.run(on: backend, data)
      for (index, (value, meaning)) in zip(found, expected).enumerated() {
        let limit = KernelTolerance.of(
          meaning.type, roundsWeights: roundsWeights(check, variant))
        let error = relativeError(value, meaning) / limit
        row.worst = max(row.worst, error)
        if !(error < 1), row.failure == nil {
          row.failure = "output \(index) of \(check): \(error) times the limit"
        }
      }
      let isSame = zip(found, again).allSatisfy {
        $0.values.map(\.bitPattern) == $1.values.map(\.bitPattern)
      }
      if !isSame, row.failure == nil { row.failure = "two runs of \(check) differ" }
      return row
    }
  }
}

extension KernelVerification.Progress {
  /// The next case; nil when all are begun, or one has failed.
  fileprivate mutating func begin(of count: Int) -> Int? {
    guard begun < count, failure == nil else { return nil }
    begun += 1
    return begun - 1
  }
}

extension KernelVerification.Row {
  /// Adds checks of the same kind.
  fileprivate mutating func add(_ other: Self) {
    caseCount += other.caseCount
    worst = max(worst, other.worst)
    failure = failure ?? other.failure
  }
}
