import Data
import Graph
import Train

/// What the libraries are told, from the configuration.
extension Configuration {
  /// Prediction, noise schedule, distribution of times, weights.
  var trainingObjective: Objective {
    let isUniform = objective.resolvedTimestepSampling == .uniform
    let shift: TimeDistribution.Shift =
      switch objective.shift {
      case .fixed(let shift): .constant(shift)
      case .resolution: .byResolution(at1024: objective.shiftAt1024)
      }
    return Objective(
      prediction: objective.type,
      schedule: NoiseSchedule(zeroTerminalSNR: objective.zeroTerminalSNR),
      times: TimeDistribution(
        logitMean: objective.logitMean, logitDeviation: objective.logitStd,
        uniformFraction: isUniform ? 1 : objective.uniformFraction, shift: shift),
      sigmas: sigmaDistribution, weighting: lossWeighting,
      easing: objective.from.map { _ in Easing(steps: objective.transitionSteps) })
  }

  /// Nil unless sigmas are drawn on a ramp.
  var sigmaDistribution: SigmaDistribution? {
    guard objective.resolvedTimestepSampling == .karras else { return nil }
    return SigmaDistribution(
      maximum: objective.sigmaMax ?? NoiseSchedule.plain.largestFiniteSigma,
      isDynamic: objective.sigmaMaxScaling == .dynamic,
      uniformFraction: objective.uniformFraction)
  }

  private var lossWeighting: LossWeighting {
    switch objective.lossWeight {
    case .none: .none
    case .debiased: .debiased
    case .minSNR:
      objective.resolvedMinSNRForm == .safe
        ? .safeMinSNR(gamma: objective.minSNRGamma) : .minSNR(gamma: objective.minSNRGamma)
    }
  }

  private var noiseOptions: NoiseOptions {
    NoiseOptions(
      offset: objective.offsetNoise, discount: objective.multiresDiscount,
      levels: objective.multiresLevels, perturbation: objective.inputPerturbation)
  }

  var lossKind: LossKind {
    switch objective.loss {
    case .mse: .mse
    case .l1: .l1
    case .huber: .huber(delta: Float(objective.huberDelta))
    }
  }

  /// - Parameter steps: Length of the run, which `training.epochs` leaves to the data set.
  func trainerSettings(steps: Int, storage: UNetStorage = .f32) -> TrainerSettings {
    TrainerSettings(
      objective: trainingObjective, loss: lossKind,
      optimizer: optimizerSettings,
      schedule: LearningRateSchedule(
        shape: optimizer.scheduler, rate: optimizer.learningRate,
        warmupSteps: optimizer.warmupSteps, steps: steps),
      maximumNorm: training.maxGradNorm > 0 ? training.maxGradNorm : nil,
      seed: UInt64(training.seed), storage: storage, noise: noiseOptions,
      pairsByTransport: objective.noisePairing == .transport)
  }

  /// The update rule with its settings.
  var optimizerSettings: Train.OptimizerSettings {
    let betas = optimizer.resolvedBetas
    let stateDType: DType = optimizer.stateDType == .bf16 ? .bf16 : .f32
    let kind: Train.OptimizerSettings.Kind =
      switch optimizer.type {
      case .adamW:
        .adamW(
          AdamWSettings(
            beta1: betas.first, beta2: betas.second, epsilon: optimizer.eps,
            weightDecay: optimizer.weightDecay, stateDType: stateDType))
      case .adamW8Bit:
        .adamW8Bit(
          AdamW8BitSettings(
            beta1: betas.first, beta2: betas.second, epsilon: optimizer.eps,
            weightDecay: optimizer.weightDecay))
      case .adafactor:
        .adafactor(
          AdafactorSettings(
            decayExponent: optimizer.decayRate, clipThreshold: optimizer.clipThreshold,
            weightDecay: optimizer.weightDecay))
      case .prodigy:
        .prodigy(
          ProdigySettings(
            beta1: betas.first, beta2: betas.second, epsilon: optimizer.eps,
            weightDecay: optimizer.weightDecay, d0: optimizer.d0,
            dCoefficient: optimizer.dCoefficient, correctsBias: optimizer.biasCorrection,
            safeguardsWarmup: optimizer.safeguardWarmup))
      case .lion:
        .lion(
          LionSettings(
            beta1: betas.first, beta2: betas.second, weightDecay: optimizer.weightDecay,
            stateDType: stateDType))
      }
    return Train.OptimizerSettings(kind, decaysNormsAndBiases: optimizer.decayNormsAndBiases)
  }

  /// Sizes to train at: SDXL's own shapes at the resolution's area, all shapes between two sides,
  /// or the square alone.
  ///
  /// - Throws: `InputError` if no size fits.
  func aspectBuckets() throws -> AspectBuckets {
    let area = data.resolution * data.resolution
    guard data.buckets else { return try AspectBuckets(area: area, step: 8, ratios: [1]) }
    guard let sides = data.bucketSides else {
      return try AspectBuckets(area: area, step: data.bucketStep)
    }
    return try AspectBuckets(
      area: area, step: data.bucketStep, minimumSide: sides.lowerBound,
      maximumSide: sides.upperBound)
  }

  /// - Throws: `InputError` if no bucket fits.
  func datasetOptions() throws -> DatasetOptions {
    DatasetOptions(
      captionExtension: String(data.captionExtension.drop { $0 == "." }),
      missingCaption: data.missingCaption, buckets: try aspectBuckets())
  }

  /// Held-out samples are shown as they are: centred, not mirrored, with their captions, in an order
  /// that no seed changes.
  var heldOutOrderOptions: OrderOptions {
    OrderOptions(batchSize: training.batchSize, seed: 0)
  }

  var orderOptions: OrderOptions {
    OrderOptions(
      batchSize: training.batchSize, seed: UInt64(training.seed), crop: data.crop,
      flipProbability: data.flip ? 0.5 : 0, captionDropout: data.captionDropout)
  }
}
