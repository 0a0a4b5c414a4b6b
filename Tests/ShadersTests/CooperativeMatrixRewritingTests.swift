import Testing
import VKRuntime

@testable import Shaders

/// The rewriting of SPIR-V words from the NV to the KHR form of cooperative matrices.
@Suite struct CooperativeMatrixRewritingTests {
  private typealias Rewriting = CooperativeMatrixRewriting

  private func instruction(_ opcode: UInt32, _ operands: [UInt32]) -> [UInt32] {
    [UInt32(operands.count + 1) << 16 | opcode] + operands
  }

  // Ids of a small module: C += A B, all dimensions different constants.
  private let integer: UInt32 = 1
  private let half: UInt32 = 2
  private let float: UInt32 = 3
  private let bool: UInt32 = 4
  private let scope: UInt32 = 5
  private let m: UInt32 = 6
  private let n: UInt32 = 7
  private let k: UInt32 = 8
  private let yes: UInt32 = 9
  private let no: UInt32 = 10
  private let typeA: UInt32 = 11
  private let typeB: UInt32 = 12
  private let typeC: UInt32 = 13
  private let pointer: UInt32 = 14
  private let stride: UInt32 = 15
  private let a: UInt32 = 16
  private let b: UInt32 = 17
  private let c: UInt32 = 18
  private let d: UInt32 = 19
  private let bound: UInt32 = 20

  private func types() -> [UInt32] {
    instruction(21, [integer, 32, 0]) + instruction(22, [half, 16]) + instruction(22, [float, 32])
      + instruction(20, [bool]) + instruction(43, [integer, scope, 3])
      + instruction(50, [integer, m, 16]) + instruction(50, [integer, n, 8])
      + instruction(50, [integer, k, 16]) + instruction(41, [bool, yes])
      + instruction(42, [bool, no])
  }

  private func module(b typeOfB: UInt32? = nil) -> [UInt32] {
    var words: [UInt32] = [0x0723_0203, 0x0001_0600, 0, bound, 0]
    words +=
      instruction(17, [5357]) + instruction(10, Rewriting.literal("SPV_NV_cooperative_matrix"))
    words += types()
    words += instruction(5358, [typeA, half, scope, m, k])
    words += instruction(5358, [typeB, half, scope, k, n])
    words += instruction(5358, [typeC, float, scope, m, n])
    words += instruction(5359, [typeA, a, pointer, stride, no, 0x28, scope])
    words += instruction(5359, [typeOfB ?? typeB, b, pointer, stride, yes])
    words += instruction(61, [typeC, c, pointer])
    words += instruction(5361, [typeC, d, a, b, c])
    words += instruction(5360, [pointer, d, stride, no, 0x28, scope])
    words += instruction(5362, [integer, 21, typeC])
    return words
  }

  @Test func rewritesEveryInstruction() throws {
    var expected: [UInt32] = [0x0723_0203, 0x0001_0600, 0, bound + 4, 0]
    expected += instruction(17, [6022])
    expected += instruction(10, Rewriting.literal("SPV_KHR_cooperative_matrix"))
    let (zero, one, two) = (bound, bound + 1, bound + 2)
    let before = types()
    expected += before[..<4]
    for value in 0..<UInt32(3) { expected += instruction(43, [integer, bound + value, value]) }
    expected += before[4...]
    expected += instruction(4456, [typeA, half, scope, m, k, zero])
    expected += instruction(4456, [typeB, half, scope, k, n, one])
    expected += instruction(4456, [typeC, float, scope, m, n, two])
    expected += instruction(4457, [typeA, a, pointer, zero, stride, 0x28, scope])
    expected += instruction(4457, [typeB, b, pointer, one, stride])
    expected += instruction(61, [typeC, c, pointer])
    expected += instruction(4459, [typeC, d, a, b, c])
    expected += instruction(4458, [pointer, d, zero, stride, 0x28, scope])
    expected += instruction(4460, [integer, 21, typeC])
    #expect(try Rewriting.rewritten(module()) == expected)
    #expect(!Rewriting.isNeeded(by: expected))
    #expect(try Rewriting.rewritten(expected) == expected)
  }

  /// bf16 operands: a type of their own, which the sums do not get.
  @Test func givesBrainOperands() throws {
    let words = try Rewriting.rewritten(module(), isBrain: true)
    func holds(_ opcode: UInt32, _ operands: [UInt32]) -> Bool {
      let wanted = instruction(opcode, operands)
      return words.indices.contains { words[$0...].starts(with: wanted) }
    }
    let brain = bound + 3
    #expect(holds(17, [5116]) && holds(17, [5118]))
    #expect(holds(10, Rewriting.literal("SPV_KHR_bfloat16")))
    #expect(holds(22, [brain, 16, 0]))
    #expect(holds(4456, [typeA, brain, scope, m, k, bound]))
    #expect(holds(4456, [typeB, brain, scope, k, n, bound + 1]))
    #expect(holds(4456, [typeC, float, scope, m, n, bound + 2]))
  }

  @Test func refusesWhatItCannotTell() {
    #expect(throws: Rewriting.Failure.ambiguousUse) {
      try Rewriting.rewritten(module(b: typeA))
    }
    // OpUndef in the place of OpConstantTrue.
    let undefined = module().map { $0 == 3 << 16 | 41 ? 3 << 16 | 1 : $0 }
    #expect(throws: Rewriting.Failure.unknownLayout) { try Rewriting.rewritten(undefined) }
  }

  @Test func leavesOtherWordsAlone() throws {
    let words: [UInt32] = [0x0723_0203, 0x0001_0600, 0, 5, 0] + instruction(17, [1])
    #expect(try Rewriting.rewritten(words) == words)
    #expect(try Rewriting.rewritten([1, 2, 3]) == [1, 2, 3])
  }

  /// The kernels as they are shipped: no word of the NV form is left, and all ids are below the bound.
  @Test(arguments: ["1", "2"])
  func rewritesTheProduct(type: String) throws {
    let shape = MatrixShape(
      m: 16, n: 16, k: 16, operands: type == "2" ? .bf16 : .f16, sums: .f32)
    let tile = BlockTile.matrixTiles(shape, subgroupSize: 32)[0]
    let variant = tile.variant(
      "product/matrix_product_shared.comp", form: 1, vector: 8, isWhole: type == "2", storage: [:])
    let nv = try ShaderCompiler(cacheFolder: nil).compile(variant.path, defines: variant.defines)
    let khr = try Rewriting.rewritten(nv, isBrain: type == "2")
    #expect(Rewriting.isNeeded(by: nv) && !Rewriting.isNeeded(by: khr))
    var opcodes: Set<UInt32> = []
    var next = 5
    while next < khr.count {
      opcodes.insert(khr[next] & 0xFFFF)
      next += Int(khr[next] >> 16)
    }
    #expect(next == khr.count)
    #expect(opcodes.isSuperset(of: [4456, 4457, 4458, 4459]))
    #expect(opcodes.isDisjoint(with: 5358...5362))
  }
}
