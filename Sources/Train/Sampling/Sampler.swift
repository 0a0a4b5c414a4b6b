/// A numerical method that walks from noise to latents, one step of the table at a time.
///
/// A sampler starts fresh for each picture and may keep what its later steps need.
public protocol Sampler: Sendable {
  /// The noisy latents at the end of a step.
  /// - Parameters:
  ///   - z: the noisy latents at the step's start
  ///   - estimate: what the network says of them
  ///   - step: the levels between which the step goes
  mutating func advance(
    _ z: [Float], estimate: Estimate, over step: SamplingStep
  ) throws -> [Float]
}

/// One step of a sampler.
public struct SamplingStep {
  /// The level where it starts.
  public var from: NoiseLevel
  /// The level where it ends.
  public var to: NoiseLevel
  /// Whether no step follows.
  public var isLast: Bool
  /// Unit normal noise of this step.
  public var noise: () -> [Float]
  /// What the network says of noisy latents at the step's end: a further evaluation.
  public var evaluateEnd: ([Float]) throws -> Estimate

  public init(
    from: NoiseLevel, to: NoiseLevel, isLast: Bool, noise: @escaping () -> [Float],
    evaluateEnd: @escaping ([Float]) throws -> Estimate
  ) {
    self.from = from
    self.to = to
    self.isLast = isLast
    self.noise = noise
    self.evaluateEnd = evaluateEnd
  }

  /// Signal over noise at the start by that at the end, exp(-h) of the DPM-Solver papers with
  /// lambda = log(signal / noise), h = lambda_end - lambda_start. 0 from pure noise and to none.
  var decay: Double { from.signal * to.noise / (from.noise * to.signal) }
}
