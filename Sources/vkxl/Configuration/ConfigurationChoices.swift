/// Storage and arithmetic of weights and activations.
enum Precision: String, CaseIterable, Sendable { case f32 }

/// How an image is cut to its bucket after it was resized to cover it.
enum Crop: String, CaseIterable, Sendable { case center, random }

/// What happens to an image without a caption file.
enum MissingCaption: String, CaseIterable, Sendable { case error, skip, empty }

/// What the UNet predicts.
enum ObjectiveType: String, CaseIterable, Sendable { case flow, v, epsilon }

/// How the time of a training sample is drawn.
enum TimestepSampling: String, CaseIterable, Sendable {
  case logitNormal = "logit_normal"
  case uniform
}

/// How a prediction's distance to its target is measured.
enum LossType: String, CaseIterable, Sendable { case mse, huber, l1 }

/// The rule of the parameter update.
enum OptimizerType: String, CaseIterable, Sendable { case adamW = "adamw" }

/// The learning rate over time, after warmup.
enum Scheduler: String, CaseIterable, Sendable { case constant, linear, cosine }

/// AdamW's decay of the first and second moment.
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

  /// The a of a picture of so many pixels.
  func value(pixels: Int, shiftAt1024: Double) -> Double {
    switch self {
    case .fixed(let shift): shift
    case .resolution: (Double(pixels) / (1024 * 1024)).squareRoot() * shiftAt1024
    }
  }
}
