import Graph

/// What a device was measured to do at most of one thing.
public struct Ceiling: Sendable, Equatable {
  /// What bounds a kernel.
  public enum Kind: String, Sendable, CaseIterable {
    /// f32 multiply-adds outside matrix units, in FLOP/s; a multiply-add counts as two.
    case multiplyAdd = "multiply-add"
    /// Device memory, in bytes/s read and written.
    case copy
  }

  public var kind: Kind
  public var perSecond: Double
  /// How it was measured: what was best.
  public var method: String
}

/// The measured limits that kernels are held against.
///
/// Kernels on matrix units have none yet: theirs is to be a case of `Ceiling.Kind`, measured here and
/// named by `KernelMeasurement.ceiling` where such a kernel was chosen.
public struct DeviceCeilings: Sendable {
  public let all: [Ceiling]

  /// Measures a device, in about a second.
  /// - Throws: `VulkanError`
  public init(_ backend: VulkanBackend) throws {
    all = [try Self.multiplyAdd(backend), try Self.copy(backend)]
  }

  /// The ceiling of a kind.
  public func perSecond(_ kind: Ceiling.Kind) -> Double {
    all.first { $0.kind == kind }?.perSecond ?? 0
  }

  /// Seconds that a measured run should take: long beside a launch, short beside a watchdog's 2 s.
  private static let runSeconds = 0.02

  private static func multiplyAdd(_ backend: VulkanBackend) throws -> Ceiling {
    let x = TensorType([backend.traits.isCPU ? 1 << 14 : 1 << 20])
    func best(_ operation: MultiplyAdd, runs: Int) throws -> Double {
      let timed = try TimedOperation(operation, inputs: [x], on: backend)
      _ = try timed.seconds(runs: 1)
      return try timed.seconds(runs: runs).min() ?? .infinity
    }
    let trial = MultiplyAdd(rounds: 16)
    let seconds = try best(trial, runs: 1)
    let rounds = Int(Double(trial.rounds) * runSeconds / max(seconds, 1e-6))
    let operation = MultiplyAdd(rounds: min(max(rounds, trial.rounds), 1 << 16))
    let flops = operation.flopCount([x], outputs: [x])
    return Ceiling(
      kind: .multiplyAdd, perSecond: Double(flops) / (try best(operation, runs: 15)),
      method: "f32, \(MultiplyAdd.chainCount) chains a lane")
  }

  /// The better of a kernel and the device's own copy, over more than caches hold.
  private static func copy(_ backend: VulkanBackend) throws -> Ceiling {
    let limit = backend.planningLimits.arenaByteCount
    let byteCount = min(256 << 20, limit)
    let type = TensorType([byteCount / 4])
    let timed = try TimedOperation(Copy(), inputs: [type], on: backend)
    _ = try timed.seconds(runs: 1)
    let kernel = try timed.seconds(runs: 5).min() ?? .infinity
    let command = try BufferCopy(from: .device, to: .device, byteCount: UInt64(byteCount))
      .bestSeconds(on: backend.device)
    return Ceiling(
      kind: .copy, perSecond: Double(2 * byteCount) / min(kernel, command),
      method: kernel < command ? "a kernel" : "vkCmdCopyBuffer")
  }
}
