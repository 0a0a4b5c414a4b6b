import Graph
import Shaders
import Testing

/// Candidates that this device may not choose by itself, against the CPU meaning.
@Suite struct VariantTests {
  /// Products and convolutions whose lanes share rows: sizes that fit quads, each storage.
  private static let cases =
    (OperationCase.productKernelCases
      + OperationCase.convolutionKernelCases + OperationCase.attentionKernelCases.filter(isNarrow))

  /// One quad a lane: wider heads are the same code unrolled further, which old drivers take minutes
  /// to compile. `vkxl verify` checks them.
  private static func isNarrow(_ check: OperationCase) -> Bool {
    switch check.operation {
    case let attention as Attention: check.inputs[0].lastDimension == 32 * attention.heads
    case let gradient as AttentionGradient: check.inputs[0].lastDimension == 32 * gradient.heads
    default: false
    }
  }

  @Test(arguments: cases)
  func subgroups(_ check: OperationCase) throws { try expectKernel(check, .subgroup) }

  /// Operands laid out in panels: gradients alone have those.
  @Test(arguments: OperationCase.productKernelCases + OperationCase.convolutionKernelCases)
  func panels(_ check: OperationCase) throws { try expectKernel(check, .panels) }

  private func expectKernel(_ check: OperationCase, _ code: KernelChoice.Code) throws {
    var traits = try SharedBackend.vulkan.traits
    traits.hasCheapBroadcast = true
    let variant = check.variants(on: traits).first { $0.choice?.code == code }
    if let variant { try check.lowered(by: variant).expectKernel() }
  }

  /// The tests above pass over cases that have no such kernel; most of them do.
  @Test(arguments: [(KernelChoice.Code.subgroup, 80), (.panels, 40)])
  func mostCasesHaveTheKernel(_ code: KernelChoice.Code, atLeast: Int) throws {
    var traits = try SharedBackend.vulkan.traits
    traits.hasCheapBroadcast = true
    let cases = OperationCase.productKernelCases + OperationCase.convolutionKernelCases
    let count = cases.count { check in
      check.variants(on: traits).contains { $0.choice?.code == code }
    }
    #expect(count >= atLeast)
  }

  @Test func choicesStayAndAreParsed() throws {
    let choices = KernelChoices(["a form1: f32": KernelChoice(.subgroup, 16, 4)])
    choices.add(["a form1: f32": KernelChoice(.register, 8, 8), "b": KernelChoice(.register, 4, 4)])
    let text = KernelChoices.text(choices.all)
    #expect(text == "a form1: f32: subgroup 16x4\nb: register 4x4\n")
    #expect(KernelChoices.parse(text) == choices.all)
    #expect(KernelChoices.parse("b: register 4") == nil)
  }
}
