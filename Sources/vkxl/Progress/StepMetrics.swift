import Train

/// What is known about one finished optimizer step.
struct StepMetrics: Sendable, Equatable {
  /// Counts from 1.
  var step: Int
  var loss: Float
  var learningRate: Double
  /// Global norm before clipping.
  var gradientNorm: Float
  /// Wall time of the step.
  var seconds: Double
  /// Images in the step, over all micro-steps.
  var images: Int
  /// Steps of the run so far whose update was skipped.
  var skippedSteps = 0
  /// Of the next step; nil without loss scaling.
  var lossScale: Double?

  /// 0 for a step that took no measurable time.
  var imagesPerSecond: Double {
    seconds > 0 ? Double(images) / seconds : 0
  }

  /// One JSON object on one line, without line end; numbers that are not finite become null.
  var json: String {
    func number<Value: BinaryFloatingPoint & CustomStringConvertible>(_ value: Value) -> String {
      value.isFinite ? value.description : "null"
    }
    func rounded(_ value: Double) -> Double { (value * 1e6).rounded() / 1e6 }
    return "{\"step\": \(step), \"loss\": \(number(loss)), "
      + "\"learning_rate\": \(number(learningRate)), "
      + "\"gradient_norm\": \(number(gradientNorm)), "
      + "\"seconds\": \(number(rounded(seconds))), "
      + "\"images_per_second\": \(number(rounded(imagesPerSecond))), "
      + "\"skipped_steps\": \(skippedSteps)"
      + (lossScale.map { ", \"loss_scale\": \(number($0))" } ?? "") + "}"
  }
}

extension ValidationReport {
  /// One JSON object on one line, without line end; numbers that are not finite become null.
  var json: String {
    func number(_ value: Double) -> String { value.isFinite ? Float(value).description : "null" }
    return "{\"step\": \(step), \"validation_loss\": \(number(loss)), "
      + "\"validation_bands\": [\(bands.map(number).joined(separator: ", "))]}"
  }

  /// To four decimals, for the terminal.
  static func rounded(_ value: Double) -> Double { (value * 1e4).rounded() / 1e4 }
}

extension StepMetrics {
  /// What the training loop tells about a step. Its loss and norm were measured in f32.
  init(_ report: StepReport) {
    self.init(
      step: report.step, loss: Float(report.loss), learningRate: report.learningRate,
      gradientNorm: Float(report.gradientNorm), seconds: report.seconds,
      images: Int((report.imagesPerSecond * report.seconds).rounded()),
      skippedSteps: report.skippedSteps, lossScale: report.lossScale)
  }
}
