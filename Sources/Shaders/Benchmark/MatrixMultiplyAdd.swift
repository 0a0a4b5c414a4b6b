import CKernelParameters
import Graph
import VKRuntime

/// Chains of products on matrix units with all fragments in registers, which measure what those units can
/// do and nothing else.
///
///     y[i, j] = 4 rounds K a b,    K the length of a fragment's sums, a = 1 and b = 2^-10
///
/// Inputs: x f32 [subgroups], for the count alone. Output: y f32 [subgroups, chains], the first element of
/// each chain. No model has it: it is for `DeviceCeilings`.
struct MatrixMultiplyAdd: VulkanOperation {
  static let name = "matrix_multiply_add"
  /// Chains of a subgroup: enough to hide how long one product takes, few enough for its registers.
  static let chainCount = 8
  private static let stepsOfRound = 4

  /// The matrix units, whose `subgroupRows` and `subgroupColumns` do not count here.
  let units: BlockTile.MatrixUnits
  /// Turns of the loop, of 4 products for each chain.
  let rounds: Int

  func outputTypes(_ inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try requireShape(inputs.count == 1 && inputs[0].rank == 1, "takes one tensor [subgroups]")
    return [TensorType([inputs[0].elementCount, Self.chainCount])]
  }

  func evaluate(_ inputs: [HostTensor], outputs: [TensorType]) -> [HostTensor] {
    let value = Double(Self.stepsOfRound * rounds * units.shape.k) * 0x1p-10
    return [HostTensor(outputs[0], Array(repeating: value, count: outputs[0].elementCount))]
  }

  func flopCount(_ inputs: [TensorType], outputs: [TensorType]) -> Int {
    let shape = units.shape
    return 2 * shape.m * shape.n * shape.k * Self.stepsOfRound * rounds * outputs[0].elementCount
  }

  var shader: ShaderVariant {
    ShaderVariant(
      "bench/matrix_multiply_add.comp",
      defines: units.defines.merging(["CHAINS": String(Self.chainCount)]) { $1 },
      constants: units.constants.merging([0: UInt32(units.subgroupSize)]) { $1 },
      subgroupSize: units.isEmulated ? nil : units.subgroupSize,
      requiresFullSubgroups: !units.isEmulated)
  }

  func launches(_ context: LoweringContext) -> [Launch] {
    let count = context.inputs[0].type.elementCount
    let isBrain = units.shape.operands == .bf16
    return [
      Launch(
        shader, groups: foldedGroups(count),
        parameters: MatrixMultiplyAddParameters(
          y: context.outputs[0].address, count: UInt32(count), rounds: UInt32(rounds),
          aBits: isBrain ? 0x3f80 : 0x3c00, bBits: isBrain ? 0x3a80 : 0x1400))
    ]
  }
}
