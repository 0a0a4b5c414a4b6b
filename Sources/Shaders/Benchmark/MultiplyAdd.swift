import CKernelParameters
import Graph

/// Chains of multiply-adds in registers, which measure what a device can do of them and nothing else.
///
///     y = a_0 + a_1 + ...,    a_j = x + j at first, then 8 rounds times a_j = factor a_j + addend
///
/// Inputs: x f32 [count]. Output: y f32 [count]. No model has it: it is for `DeviceCeilings`.
public struct MultiplyAdd: VulkanOperation {
  public static let name = "multiply_add"
  /// Chains of an element: enough to hide how long one multiply-add takes, and few enough for the
  /// 16 vector registers of a CPU.
  static let chainCount = 12
  private static let stepsOfRound = 8
  private static let factor: Float = 0.999
  private static let addend: Float = 0.001

  /// Turns of the loop, of 8 multiply-adds for each chain.
  public let rounds: Int

  /// - Parameter rounds: turns of the loop
  public init(rounds: Int) { self.rounds = rounds }

  public func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(inputs.count == 1 && inputs[0].dtype == .f32, "takes one tensor in f32")
    return [inputs[0]]
  }

  public func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let (factor, addend) = (Double(Self.factor), Double(Self.addend))
    let sums = inputs[0].values.map { x in
      (0..<Self.chainCount).reduce(0.0) { sum, chain in
        var a = x + Double(chain)
        for _ in 0..<rounds * Self.stepsOfRound { a = factor * a + addend }
        return sum + a
      }
    }
    return [HostTensor(outputs[0], sums)]
  }

  public func flopCount(_ inputs: [TensorType], outputs: [TensorType]) -> Int {
    2 * Self.chainCount * Self.stepsOfRound * rounds * outputs[0].elementCount
  }

  public func launches(_ context: LoweringContext) -> [Launch] {
    let (x, y) = (context.inputs[0], context.outputs[0])
    let count = y.type.elementCount
    let lanes = context.device.isCPU ? context.device.subgroupSize : 256
    return [
      Launch(
        ShaderVariant(
          "bench/multiply_add.comp", defines: ["ACCUMULATORS": String(Self.chainCount)],
          constants: [0: UInt32(lanes)]),
        groups: foldedGroups((count + lanes - 1) / lanes),
        parameters: MultiplyAddParameters(
          x: x.address, y: y.address, count: UInt32(count), rounds: UInt32(rounds),
          factor: Self.factor, addend: Self.addend))
    ]
  }
}
