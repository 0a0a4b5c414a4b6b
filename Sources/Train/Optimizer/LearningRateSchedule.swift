import Foundation

/// Learning rate by step, with a linear warmup.
///
///     warmup    rate (step + 1) / warmupSteps, for step < warmupSteps
///     constant  rate
///     linear    rate (1 - p)
///     cosine    rate (1 + cos(pi p)) / 2,    p = (step - warmupSteps) / (steps - warmupSteps)
public struct LearningRateSchedule: Sendable, Equatable {
  /// How the rate goes on after the warmup.
  public enum Shape: String, Sendable, CaseIterable, Codable {
    case constant, linear, cosine
  }

  /// How the rate goes on after the warmup.
  public var shape: Shape
  /// The highest rate.
  public var rate: Double
  /// Optimizer steps over which the rate rises evenly.
  public var warmupSteps: Int
  /// Length of the run in optimizer steps.
  public var steps: Int

  public init(shape: Shape, rate: Double, warmupSteps: Int, steps: Int) {
    self.shape = shape
    self.rate = rate
    self.warmupSteps = warmupSteps
    self.steps = steps
  }

  /// - Parameter step: from 0.
  public func rate(at step: Int) -> Double {
    if step < warmupSteps { return rate * Double(step + 1) / Double(warmupSteps) }
    let length = max(steps - warmupSteps, 1)
    let progress = min(Double(step - warmupSteps) / Double(length), 1)
    switch shape {
    case .constant: return rate
    case .linear: return rate * (1 - progress)
    case .cosine: return rate * (1 + cos(.pi * progress)) / 2
    }
  }
}
