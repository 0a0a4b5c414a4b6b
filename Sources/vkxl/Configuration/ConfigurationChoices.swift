import Model
import Train

/// Storage of the UNet's weights and activations.
enum Precision: String, CaseIterable, Sendable {
  /// What suits the device, see `storage(on:place:)`.
  case auto
  case f32, f16, bf16
}

/// Element type of saved models.
enum SavedDType: String, CaseIterable, Sendable {
  /// That of the checkpoint that training starts from.
  case source
  case f32, f16, bf16

  /// Nil for `source`.
  var safetensors: SafetensorsDType? { SafetensorsDType(rawValue: rawValue.uppercased()) }
}

/// How the time of a training sample is drawn.
enum TimestepSampling: String, CaseIterable, Sendable {
  case logitNormal = "logit_normal"
  case uniform
  /// Even on Karras' ramp of sigmas.
  case karras
}

/// What a checkpoint predicts that is moved to another objective.
enum ObjectiveOrigin: String, CaseIterable, Sendable { case epsilon }

/// What a sample's loss counts by its noise.
enum LossWeightRule: String, CaseIterable, Sendable {
  case none
  case minSNR = "min_snr"
  case debiased
}

/// Min-SNR for v: as published, or without the zero at pure noise.
enum MinSNRForm: String, CaseIterable, Sendable { case paper, safe }

/// Whether the largest sigma goes with the resolution.
enum SigmaMaxScaling: String, CaseIterable, Sendable { case fixed, dynamic }

/// Which noise an image gets.
enum NoisePairing: String, CaseIterable, Sendable { case random, transport }

/// How a prediction's distance to its target is measured.
enum LossType: String, CaseIterable, Sendable { case mse, huber, l1 }

/// The rule of the parameter update.
enum OptimizerType: String, CaseIterable, Sendable {
  case adamW = "adamw"
  case adamW8Bit = "adamw8bit"
  case adafactor, lion, prodigy
}

/// Where gradients are between the backward pass and the update, or `auto`.
enum GradientChoice: String, CaseIterable, Sendable {
  case auto, kept
  case keptBF16 = "kept_bf16"
  case lastNorm = "last_norm"
  case twoPasses = "two_passes"

  /// Nil for `auto`.
  var policy: GradientPolicy? { GradientPolicy(rawValue: rawValue) }
}

/// Storage of an optimizer's states.
enum StateDType: String, CaseIterable, Sendable { case f32, bf16 }

/// Decay of the first and second moment.
struct Betas: Sendable, Equatable {
  var first: Double
  var second: Double
}

/// Where the text encoders' weights come from.
enum TextEncoderSource: Sendable, Equatable {
  /// The same file as the UNet and the VAE.
  case checkpoint
  /// Another single-file checkpoint, by absolute path.
  case file(String)
  /// The formula of `vkxl init --size SIZE --seed 0`; needs no file.
  case synthetic(size: String)
}

/// Shift of flow times: t' = a t / (1 + (a - 1) t).
enum FlowShift: Sendable, Equatable {
  case fixed(Double)
  /// a = sqrt(pixels / 1024^2) x `objective.shift_at_1024`, by bucket.
  case resolution
}
