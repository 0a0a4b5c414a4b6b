import Data
import Graph
import Testing
import Train

@testable import vkxl

@Suite struct ConfigurationLibrariesTests {
  private func parsed(
    _ additions: [String: String] = [:], objective: String = "flow"
  ) throws -> Configuration {
    try Configuration.parse(
      minimalYAML(additions, objective: objective), file: "/runs/run.yaml")
  }

  @Test func objectiveAndUpdate() throws {
    let configuration = try parsed([
      "objective": "logit_mean: 0.5\nlogit_std: 2\nuniform_fraction: 0.25\nshift: resolution\n"
        + "shift_at_1024: 4\nloss: huber\nhuber_delta: 0.5",
      "optimizer": "learning_rate: 2e-4\nbetas: [0.5, 0.75]\neps: 1e-6\nweight_decay: 0.125\n"
        + "scheduler: cosine\nwarmup_steps: 7",
      "training": "max_grad_norm: 2\nseed: 11",
    ])
    let settings = configuration.trainerSettings(steps: 100)
    #expect(settings.objective.prediction == .flow)
    #expect(
      settings.objective.times
        == TimeDistribution(
          logitMean: 0.5, logitDeviation: 2, uniformFraction: 0.25, shift: .byResolution(at1024: 4))
    )
    #expect(settings.loss == .huber(delta: 0.5))
    #expect(
      settings.optimizer
        == OptimizerSettings(
          .adamW(AdamWSettings(beta1: 0.5, beta2: 0.75, epsilon: 1e-6, weightDecay: 0.125))))
    #expect(
      settings.schedule
        == LearningRateSchedule(shape: .cosine, rate: 2e-4, warmupSteps: 7, steps: 100))
    #expect(settings.maximumNorm == 2)
    #expect(settings.seed == 11)
  }

  @Test func optimizers() throws {
    let eight = try parsed([
      "optimizer": "type: adamw8bit\nbetas: [0.5, 0.75]\ndecay_norms_and_biases: false"
    ])
    #expect(
      eight.optimizerSettings
        == OptimizerSettings(
          .adamW8Bit(AdamW8BitSettings(beta1: 0.5, beta2: 0.75)), decaysNormsAndBiases: false))
    let lion = try parsed(["optimizer": "type: lion\nstate_dtype: bf16\nweight_decay: 0.5"])
    #expect(
      lion.optimizerSettings
        == OptimizerSettings(.lion(LionSettings(weightDecay: 0.5, stateDType: .bf16))))
    let adafactor = try parsed([
      "optimizer": "type: adafactor\nclip_threshold: 2\ndecay_rate: -0.5"
    ])
    #expect(
      adafactor.optimizerSettings
        == OptimizerSettings(
          .adafactor(
            AdafactorSettings(decayExponent: -0.5, clipThreshold: 2, weightDecay: 0.01))))
    let brain = try parsed(["optimizer": "state_dtype: bf16"])
    #expect(
      brain.optimizerSettings == OptimizerSettings(.adamW(AdamWSettings(stateDType: .bf16))))
  }

  @Test func uniformTimesAndNoClipping() throws {
    let flow = try parsed([
      "objective": "timestep_sampling: uniform\nshift: 2\nloss: l1", "training": "max_grad_norm: 0",
    ])
    #expect(flow.trainingObjective.times.uniformFraction == 1)
    #expect(flow.trainingObjective.times.shift == .constant(2))
    #expect(flow.lossKind == .l1)
    #expect(flow.trainerSettings(steps: 1).maximumNorm == nil)
    let v = try parsed(["objective": "zero_terminal_snr: true"], objective: "v")
    #expect(v.trainingObjective.prediction == .v)
    #expect(v.trainingObjective.schedule.hasZeroTerminalSNR)
    #expect(v.lossKind == .mse)
    #expect(!flow.trainingObjective.schedule.hasZeroTerminalSNR)
  }

  @Test func bucketsAsConfigured() throws {
    #expect(try parsed().aspectBuckets() == .sdxl)
    let square = try parsed(["data": "buckets: false\nresolution: 72"]).aspectBuckets()
    #expect(square.buckets == [Bucket(width: 72, height: 72)])
    let sides = try parsed(["data": "resolution: 512\nmin_bucket_side: 256"])
    #expect(sides.data.bucketSides == 256...1024)
    let between = try sides.aspectBuckets()
    let expected = try AspectBuckets(
      area: 512 * 512, step: 64, minimumSide: 256, maximumSide: 1024)
    #expect(between == expected)
    #expect(
      try parsed(["data": "resolution: 512\nmax_bucket_side: 768"]).data.bucketSides == 256...768)
  }

  @Test(arguments: ["'.caption'", "caption"]) func dataAndOrder(_ ending: String) throws {
    let configuration = try parsed([
      "data": "caption_extension: \(ending)\nmissing_caption: skip\ncrop: random\nflip: true\n"
        + "caption_dropout: 0.25",
      "training": "batch_size: 3\nseed: 4",
    ])
    let options = try configuration.datasetOptions()
    #expect(options.captionExtension == "caption")
    #expect(options.missingCaption == .skip)
    #expect(options.buckets == .sdxl)
    #expect(
      configuration.orderOptions
        == OrderOptions(
          batchSize: 3, seed: 4, crop: .random, flipProbability: 0.5, captionDropout: 0.25))
  }
}
