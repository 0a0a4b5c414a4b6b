import Graph
import VKRuntime

/// What a device was measured to do at most of one thing.
public struct Ceiling: Sendable, Equatable {
  /// What bounds a kernel.
  public enum Kind: String, Sendable, CaseIterable {
    /// f32 multiply-adds outside matrix units, in FLOP/s; a multiply-add counts as two.
    case multiplyAdd = "multiply-add"
    /// f16 or bf16 products with f32 sums on matrix units, in FLOP/s.
    case matrix
    /// Device memory, in bytes/s read and written.
    case copy
  }

  public var kind: Kind
  public var perSecond: Double
  /// How it was measured: what was best.
  public var method: String
}

/// The measured limits that kernels are held against.
public struct DeviceCeilings: Sendable {
  public let all: [Ceiling]

  /// Measures a device, in about a second.
  /// - Throws: `VulkanError`
  public init(_ backend: VulkanBackend) throws {
    all =
      [try Self.multiplyAdd(backend)] + (try Self.matrix(backend).map { [$0] } ?? [])
      + [try Self.copy(backend)]
  }

  /// The ceiling of a kind.
  public func perSecond(_ kind: Ceiling.Kind) -> Double {
    all.first { $0.kind == kind }?.perSecond ?? 0
  }

  /// Seconds that a measured run should take: long beside a launch, short beside a watchdog's 2 s.
  private static let runSeconds = 0.02

  private static func multiplyAdd(_ backend: VulkanBackend) throws -> Ceiling {
    let x = TensorType([backend.traits.isCPU ? 1 << 14 : 1 << 20])
    return Ceiling(
      kind: .multiplyAdd,
      perSecond: try bestRate(x, on: backend) { MultiplyAdd(rounds: $0) },
      method: "f32, \(MultiplyAdd.chainCount) chains a lane")
  }

  /// The best of the shapes that the device offers; nil without matrix units.
  private static func matrix(_ backend: VulkanBackend) throws -> Ceiling? {
    var units: [MatrixShape: BlockTile.MatrixUnits] = [:]
    for case .matrix(let matrix) in backend.traits.blockTiles.map(\.units) {
      units[matrix.shape] = matrix
    }
    return try units.values.map { matrix in
      let shape = matrix.shape
      return Ceiling(
        kind: .matrix,
        perSecond: try bestRate(TensorType([1 << 14]), on: backend) {
          MatrixMultiplyAdd(units: matrix, rounds: $0)
        }, method: "\(shape.operands), \(shape.m)x\(shape.n)x\(shape.k) a subgroup")
    }.max { $0.perSecond < $1.perSecond }
  }

  /// FLOP/s of the best run, with as many rounds as make it long enough.
  private static func bestRate(
    _ x: TensorType, on backend: VulkanBackend, _ operation: (Int) -> some VulkanOperation
  ) throws -> Double {
    func best(rounds: Int, runs: Int) throws -> Double {
      let timed = try TimedOperation(operation(rounds), inputs: [x], on: backend)
      _ = try timed.seconds(runs: 1)
      return try timed.seconds(runs: runs).min() ?? .infinity
    }
    let trial = 16
    let seconds = try best(rounds: trial, runs: 1)
    let rounds = Int(Double(trial) * runSeconds / max(seconds, 1e-6))
    let wanted = min(max(rounds, trial), 1 << 16)
    let measured = operation(wanted)
    let flops = measured.flopCount([x], outputs: try measured.outputTypes([x]))
    return Double(flops) / (try best(rounds: wanted, runs: 15))
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
