import Graph
import Model
import Shaders
import Testing
import Train

/// SDXL itself at 1024x1024 in bf16, clipped by the last norm, planned without a device: what must fit
/// a card.
@Suite struct FullSizeMemoryTests {
  private static let unet = SDXLConfiguration.full.unet

  struct Case: Sendable, CustomStringConvertible {
    var optimizer: OptimizerSettings.Kind
    var batch: Int
    var gibibytes: Int
    var description: String { "\(optimizer), batch \(batch), \(gibibytes) GiB" }
  }

  static let cases = [
    Case(optimizer: .adafactor(AdafactorSettings()), batch: 1, gibibytes: 7),
    Case(optimizer: .adamW8Bit(AdamW8BitSettings()), batch: 1, gibibytes: 12),
    Case(optimizer: .adafactor(AdafactorSettings()), batch: 16, gibibytes: 22),
  ]

  /// Within the budget, and at most one more forward pass.
  @Test(arguments: cases) func fitsACard(_ given: Case) throws {
    let shape = BatchShape(
      samples: given.batch, height: 128, width: 128, contextWidth: Self.unet.contextWidth,
      pooledWidth: Self.unet.pooledWidth)
    let settings = TrainerSettings(
      objective: Objective(
        prediction: .flow, schedule: NoiseSchedule(zeroTerminalSNR: false)),
      optimizer: OptimizerSettings(given.optimizer),
      schedule: LearningRateSchedule(shape: .constant, rate: 1e-5, warmupSteps: 0, steps: 1),
      maximumNorm: 1, seed: 0, storage: UNetStorage(.bf16))
    let denoiser = UNetRunner.denoiser(Self.unet, storage: settings.storage)
    let steps = try StepPlanner(
      VulkanPlanner(), settings: settings, gradients: .lastNorm,
      budgetByteCount: given.gibibytes << 30, shapes: [shape], accumulation: 1, denoiser: denoiser)
    let use = try steps.memory([shape])
    #expect(use.total <= given.gibibytes << 30)
    let recomputation = try steps.plan(shape, .updating).recomputation
    let forward = try VulkanPlanner().plan(
      MicroStep.graph(shape, gradients: .none, denoiser: denoiser))
    #expect(recomputation.flopCount <= forward.flopCount)
    print(
      "\(given): variables \(use.variables), transient \(use.transient), total \(use.total); "
        + "\(recomputation.flopCount) of \(forward.flopCount) computed twice")
  }
}
