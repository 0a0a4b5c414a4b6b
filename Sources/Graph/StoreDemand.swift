/// What decides how much memory a store needs beside its variables: the plans that are loaded with
/// it and the runs that may be in flight.
public struct StoreDemand: Sendable, Equatable {
  /// Runs, of all of the store's programs together, that may be in flight.
  public let runsInFlight: Int
  /// Bytes of the largest plan's transient memory.
  public private(set) var transientByteCount = 0
  /// Bytes of the largest plan's inputs and of the largest plan's outputs, each tensor rounded up.
  public private(set) var inputByteCount = 0
  public private(set) var outputByteCount = 0

  /// One run executes while the host prepares the next.
  public static let usualRunsInFlight = 2

  public init(runsInFlight: Int = usualRunsInFlight) {
    precondition(runsInFlight > 0, "a store for \(runsInFlight) runs in flight")
    self.runsInFlight = runsInFlight
  }

  /// Counts a plan that is to be loaded.
  public mutating func add(_ plan: Plan, limits: PlanningLimits) {
    transientByteCount = max(transientByteCount, plan.transientByteCount)
    add(inputs: plan.inputs.map(\.type), outputs: plan.outputs.map(\.value.type), limits: limits)
  }

  /// Counts inputs and outputs of a plan that is to be made.
  public mutating func add(
    inputs: [TensorType], outputs: [TensorType], limits: PlanningLimits
  ) {
    inputByteCount = max(inputByteCount, limits.packed(inputs).byteCount)
    outputByteCount = max(outputByteCount, limits.packed(outputs).byteCount)
  }
}

extension PlanningLimits {
  /// Tensors one after another: the byte offset of each, and the bytes of all (at least one
  /// alignment).
  public func packed(_ types: [TensorType]) -> (offsets: [Int], byteCount: Int) {
    var offsets: [Int] = []
    var end = 0
    for type in types {
      offsets.append(end)
      end += rounded(type.byteCount)
    }
    return (offsets, max(end, alignment))
  }
}
