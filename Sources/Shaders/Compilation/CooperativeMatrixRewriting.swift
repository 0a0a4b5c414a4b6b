/// Turns SPIR-V that uses `SPV_NV_cooperative_matrix` into the same with `SPV_KHR_cooperative_matrix`.
///
/// glslang before 13 (Debian 12) knows only the NV form in GLSL; drivers other than NVIDIA's know only
/// the KHR form. Both have the same five instructions; KHR adds to each type what it is used for
/// (A, B or sums) and says by a constant what NV says by a flag. The uses follow from the operands of the
/// multiplications, so A, B and sums must be different types: their dimensions are given as three
/// different specialization constants (see `shaders/common/matrix.glsl`).
///
/// - Source: SPV_KHR_cooperative_matrix, SPV_NV_cooperative_matrix, SPV_KHR_bfloat16 (Khronos SPIR-V
///   registry).
struct CooperativeMatrixRewriting {
  /// Words that are not what glslang writes.
  enum Failure: Error, Equatable {
    case notSPIRV
    /// Instruction lengths do not add up, or an instruction is too short.
    case malformed
    /// One type is used for two of A, B and sums.
    case ambiguousUse
    /// Row or column order that is not a constant.
    case unknownLayout
    /// No 32-bit unsigned integer type.
    case missingType
  }

  private struct Instruction {
    var opcode: UInt32
    var operands: [UInt32]
  }

  private enum Opcode {
    static let ext: UInt32 = 10
    static let capability: UInt32 = 17
    static let typeInt: UInt32 = 21
    static let typeFloat: UInt32 = 22
    static let constantTrue: UInt32 = 41
    static let constantFalse: UInt32 = 42
    static let constant: UInt32 = 43
    static let typeMatrixNV: UInt32 = 5358
    static let loadNV: UInt32 = 5359
    static let storeNV: UInt32 = 5360
    static let multiplyAddNV: UInt32 = 5361
    static let lengthNV: UInt32 = 5362
    static let typeMatrix: UInt32 = 4456
    static let load: UInt32 = 4457
    static let store: UInt32 = 4458
    static let multiplyAdd: UInt32 = 4459
    static let length: UInt32 = 4460
    /// Debug names, decorations and types: their first operand is not a result's type.
    static let withoutResultType = Set<UInt32>([5, 6, 71, 72] + Array(19...39) + [typeMatrixNV])
  }

  private enum Capability {
    static let matrixNV: UInt32 = 5357
    static let matrix: UInt32 = 6022
    static let bfloat16Type: UInt32 = 5116
    static let bfloat16Matrix: UInt32 = 5118
  }

  private static let magic: UInt32 = 0x0723_0203
  private static let sumUse: UInt32 = 2

  private let header: [UInt32]
  private let instructions: [Instruction]

  private init(_ words: [UInt32]) throws(Failure) {
    guard words.count >= 5, words[0] == Self.magic else { throw .notSPIRV }
    header = Array(words[..<5])
    var found: [Instruction] = []
    var next = 5
    while next < words.count {
      let length = Int(words[next] >> 16)
      guard length > 0, next + length <= words.count else { throw .malformed }
      found.append(
        Instruction(
          opcode: words[next] & 0xFFFF, operands: Array(words[(next + 1)..<(next + length)])))
      next += length
    }
    instructions = found
  }

  /// Whether words use the NV form.
  static func isNeeded(by words: [UInt32]) -> Bool {
    guard let module = try? CooperativeMatrixRewriting(words) else { return false }
    return module.instructions.contains {
      $0.opcode == Opcode.capability && $0.operands == [Capability.matrixNV]
    }
  }

  /// The words in the KHR form; unchanged where they use no matrices.
  ///
  /// - Parameter isBrain: A and B are bf16 instead of f16 (`SPV_KHR_bfloat16`). Their fragments may
  ///   then only be loaded and multiplied.
  static func rewritten(_ words: [UInt32], isBrain: Bool = false) throws(Failure) -> [UInt32] {
    guard isNeeded(by: words) else { return words }
    return try CooperativeMatrixRewriting(words).rewritten(isBrain: isBrain)
  }

  /// 0 for A, 1 for B, 2 for sums, by the id of the matrix type.
  private func uses() throws(Failure) -> [UInt32: UInt32] {
    let types = Set(
      instructions.filter { $0.opcode == Opcode.typeMatrixNV }.compactMap(\.operands.first))
    var typeOfResult: [UInt32: UInt32] = [:]
    for instruction in instructions
    where instruction.operands.count >= 2 && types.contains(instruction.operands[0])
      && !Opcode.withoutResultType.contains(instruction.opcode)
    {
      typeOfResult[instruction.operands[1]] = instruction.operands[0]
    }
    var uses: [UInt32: UInt32] = [:]
    for instruction in instructions where instruction.opcode == Opcode.multiplyAddNV {
      guard instruction.operands.count >= 5 else { throw .malformed }
      for use in 0..<UInt32(3) {
        guard let type = typeOfResult[instruction.operands[2 + Int(use)]] else { continue }
        if uses[type, default: use] != use { throw .ambiguousUse }
        uses[type] = use
      }
    }
    return uses
  }

  private func rewritten(isBrain: Bool) throws(Failure) -> [UInt32] {
    let integer = instructions.first {
      $0.opcode == Opcode.typeInt && $0.operands.dropFirst() == [32, 0]
    }
    guard let integerType = integer?.operands.first else { throw .missingType }
    let uses = try uses()
    let layouts = Dictionary(
      uniqueKeysWithValues: instructions.filter {
        ($0.opcode == Opcode.constantTrue || $0.opcode == Opcode.constantFalse)
          && $0.operands.count == 2
      }.map { ($0.operands[1], $0.opcode == Opcode.constantTrue ? UInt32(1) : 0) })
    let bound = header[3]
    let brainType = bound + 3
    var written = header
    written[3] = bound + 4
    func append(_ opcode: UInt32, _ operands: [UInt32]) {
      written.append(UInt32(operands.count + 1) << 16 | opcode)
      written += operands
    }
    for instruction in instructions {
      let old = instruction.operands
      switch instruction.opcode {
      case Opcode.capability where old == [Capability.matrixNV]:
        append(Opcode.capability, [Capability.matrix])
        if isBrain {
          append(Opcode.capability, [Capability.bfloat16Type])
          append(Opcode.capability, [Capability.bfloat16Matrix])
        }
      case Opcode.ext where old == Self.literal("SPV_NV_cooperative_matrix"):
        append(Opcode.ext, Self.literal("SPV_KHR_cooperative_matrix"))
        if isBrain { append(Opcode.ext, Self.literal("SPV_KHR_bfloat16")) }
      case Opcode.typeInt where old.first == integerType:
        append(Opcode.typeInt, old)
        for value in 0..<UInt32(3) { append(Opcode.constant, [integerType, bound + value, value]) }
        if isBrain { append(Opcode.typeFloat, [brainType, 16, 0]) }
      case Opcode.typeMatrixNV:
        guard old.count == 5 else { throw .malformed }
        let use = uses[old[0]] ?? Self.sumUse
        let component = isBrain && use != Self.sumUse ? brainType : old[1]
        append(Opcode.typeMatrix, [old[0], component] + old[2...] + [bound + use])
      case Opcode.loadNV, Opcode.storeNV:
        // Type, result and pointer, or pointer and object; then stride, flag, memory operands.
        let isLoad = instruction.opcode == Opcode.loadNV
        let count = isLoad ? 3 : 2
        guard old.count >= count + 2 else { throw .malformed }
        guard let layout = layouts[old[count + 1]] else { throw .unknownLayout }
        append(
          isLoad ? Opcode.load : Opcode.store,
          old[..<count] + [bound + layout, old[count]] + old[(count + 2)...])
      case Opcode.multiplyAddNV: append(Opcode.multiplyAdd, old)
      case Opcode.lengthNV: append(Opcode.length, old)
      default: append(instruction.opcode, old)
      }
    }
    return written
  }

  /// A string as operands: UTF-8, zero-terminated, filled up with zeros to whole words.
  static func literal(_ string: String) -> [UInt32] {
    let bytes = Array(string.utf8)
    return (0...(bytes.count / 4)).map { word in
      (0..<4).reduce(UInt32(0)) { sum, i in
        let place = 4 * word + i
        return sum | (place < bytes.count ? UInt32(bytes[place]) << UInt32(8 * i) : 0)
      }
    }
  }
}
