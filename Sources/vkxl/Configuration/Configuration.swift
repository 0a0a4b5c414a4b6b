import Data
import Model
import Train

/// Everything a training run is told: the typed form of a configuration file.
///
/// Keys, defaults, ranges and documentation are declared once, in `ConfigurationKey.all`; the
/// values written here only make the structure complete before that table fills every field.
struct Configuration: Sendable {
  var model = ModelSettings()
  var data = DataSettings()
  var training = TrainingSettings()
  var objective = ObjectiveSettings()
  var optimizer = OptimizerSettings()
  var memory = MemorySettings()
  var output = OutputSettings()
  var device = DeviceSettings()
  /// Where each given key stands; for messages only.
  var source = ConfigurationSource()

  /// `model`: what is trained.
  struct ModelSettings: Sendable {
    /// Absolute path of the single-file checkpoint to start from.
    var checkpoint = ""
    var textEncoders = TextEncoderSource.checkpoint
    var precision = Precision.f32
  }

  /// `data`: images, captions, buckets.
  struct DataSettings: Sendable {
    /// Absolute path of the folder of images.
    var folder = ""
    /// Side of the square whose area the buckets keep, in pixels.
    var resolution = 0
    var buckets = false
    var bucketStep = 0
    /// Shortest bucket side in pixels; nil: see `bucketSides`.
    var minBucketSide: Int?
    /// Longest bucket side in pixels; nil: see `bucketSides`.
    var maxBucketSide: Int?
    var crop = CropPolicy.center
    var flip = false
    /// With or without its dot.
    var captionExtension = ""
    var missingCaption = MissingCaption.error
    /// Share of samples that are shown the empty caption, 0 to 1.
    var captionDropout = 0.0
    /// Share of the pictures that are held out.
    var validationFraction = 0.0
    /// Absolute path of a folder of held-out pictures; nil: none.
    var validationFolder: String?
    /// Whether samples count by how rare their tags are.
    var tagWeights = false
    /// Chunks of 75 tokens that a caption may have.
    var maxCaptionChunks = 1
    /// Absolute path, or nil for `cache` inside the output folder (see `cacheFolder`).
    var cacheFolder: String?

    /// Shortest and longest side that a bucket may have, in pixels; nil, when neither is given:
    /// SDXL's own shapes.
    var bucketSides: ClosedRange<Int>? {
      guard minBucketSide != nil || maxBucketSide != nil else { return nil }
      let step = max(1, bucketStep)
      let shortest = minBucketSide ?? max(step, resolution / 2 / step * step)
      return shortest...max(shortest, maxBucketSide ?? resolution * 2)
    }
  }

  /// `training`: the loop.
  struct TrainingSettings: Sendable {
    /// Samples in one micro-step.
    var batchSize = 0
    /// Exactly one of `maxSteps` and `epochs` is set.
    var maxSteps: Int?
    var epochs: Int?
    var gradientAccumulation = 0
    /// Global norm above which gradients are scaled down; 0 turns clipping off.
    var maxGradNorm = 0.0
    var seed = 0
  }

  /// `objective`: what the model learns to predict.
  struct ObjectiveSettings: Sendable {
    var type = PredictionType.flow
    var zeroTerminalSNR = false
    /// Nil: logit-normal for flow, uniform for v and epsilon (see `resolvedTimestepSampling`).
    var timestepSampling: TimestepSampling?
    var logitMean = 0.0
    var logitStd = 0.0
    /// Share of times drawn uniformly instead, 0 to 1.
    var uniformFraction = 0.0
    var shift = FlowShift.fixed(1)
    /// Shift at 1024 x 1024 pixels when `shift` is by resolution.
    var shiftAt1024 = 0.0
    var loss = LossType.mse
    var huberDelta = 0.0
    /// Nil: the checkpoint predicts `type` already.
    var from: ObjectiveOrigin?
    var transitionSteps = 0
    /// Nil: the end of SDXL's own schedule.
    var sigmaMax: Double?
    var sigmaMaxScaling = SigmaMaxScaling.fixed
    var lossWeight = LossWeightRule.none
    var minSNRGamma = 0.0
    /// Nil: `safe` with zero terminal SNR (see `resolvedMinSNRForm`).
    var minSNRForm: MinSNRForm?
    var offsetNoise = 0.0
    /// 0 adds no coarser levels.
    var multiresDiscount = 0.0
    var multiresLevels = 0
    var inputPerturbation = 0.0
    var noisePairing = NoisePairing.random

    /// `minSNRForm`, or the one that trains every timestep when none is given.
    var resolvedMinSNRForm: MinSNRForm { minSNRForm ?? (zeroTerminalSNR ? .safe : .paper) }

    /// `timestepSampling`, or the objective's own when none is given.
    var resolvedTimestepSampling: TimestepSampling {
      timestepSampling ?? (type == .flow ? .logitNormal : .uniform)
    }
  }

  /// `optimizer`: the update and its learning rate over time.
  struct OptimizerSettings: Sendable {
    var type = OptimizerType.adamW
    var learningRate = 0.0
    /// Nil: the rule's own (see `resolvedBetas`).
    var betas: Betas?
    var eps = 0.0
    var weightDecay = 0.0
    var decayNormsAndBiases = true
    var stateDType = StateDType.f32
    var clipThreshold = 0.0
    var decayRate = 0.0
    var d0 = 0.0
    var dCoefficient = 0.0
    var biasCorrection = false
    var safeguardWarmup = false
    var scheduler = LearningRateSchedule.Shape.constant
    var warmupSteps = 0

    /// `betas`, or the rule's own when none are given.
    var resolvedBetas: Betas {
      betas ?? Betas(first: 0.9, second: type == .lion ? 0.99 : 0.999)
    }
  }

  /// `memory`: what training may take of the device.
  struct MemorySettings: Sendable {
    var budget = MemoryBudget.auto
    var gradients = GradientChoice.auto
  }

  /// `output`: where results go, and how often.
  struct OutputSettings: Sendable {
    /// Absolute path.
    var folder = ""
    /// Nil: the configuration file's name without extension (see `Configuration.runName`).
    var name: String?
    var dtype = SavedDType.source
    /// Steps between checkpoints; 0: only at the end.
    var saveEvery = 0
    /// Newest checkpoints kept; 0: all.
    var keep = 0
    /// Steps between sample pictures; 0: only at the end.
    var sampleEvery = 0
    /// Steps between validations; 0: only at the start and the end.
    var validateEvery = 0
    var samples: [SampleSettings] = []
    /// Absolute path of a file of further prompts; nil: none.
    var prompts: String?
    var sampler = SamplingMethod.euler
    /// Share of the samples' rescaled guidance, 0 to 1.
    var guidanceRescale = 0.0
    var grid = false
  }

  /// `device`: what it runs on.
  struct DeviceSettings: Sendable {
    /// Index or part of the name as `vkxl devices` prints them; nil: the first discrete device.
    var name: String?
    var validate = false
    /// Whether the fastest kernels are searched for by measurement.
    var tune = true
    /// File of the kernels to use; nil: none is given.
    var kernels: String?
  }

  /// `output.name`, or the configuration file's name without its extension.
  var runName: String {
    output.name ?? source.fileStem
  }

  /// `data.cache_folder`, or `cache` inside the output folder.
  var cacheFolder: String {
    data.cacheFolder ?? output.folder + "/cache"
  }
}

/// One picture to draw during training.
struct SampleSettings: Sendable, Equatable {
  var prompt = ""
  var negative = ""
  /// Pixels; nil: `data.resolution`.
  var width: Int?
  var height: Int?
  var steps = 0
  /// Classifier-free guidance scale; 1 turns guidance off.
  var guidance = 0.0
  var seed = 0
}

/// Where a configuration came from: its file, and the line of each key that was given.
struct ConfigurationSource: Sendable {
  /// As the user wrote it.
  var file = ""
  /// Key path to place, as in `training.max_steps` to `run.yaml:12`.
  var places: [String: String] = [:]

  /// The file's name without folder and extension.
  var fileStem: String {
    let name = file.split(separator: "/").last.map(String.init) ?? ""
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else {
      return name.isEmpty ? "vkxl" : name
    }
    return String(name[..<dot])
  }

  /// The place to name in a message about `path`, given or not: `run.yaml:12: training.max_steps`.
  ///
  /// An item's key (`output.samples[0].width`) stands where its list does. An override's place
  /// says its key already: `--set training.max_steps`.
  func place(of path: String) -> String {
    let place = places[path] ?? places[String(path.prefix { $0 != "[" })] ?? file
    return place.hasPrefix("--set ") ? "--set \(path)" : "\(place): \(path)"
  }
}
