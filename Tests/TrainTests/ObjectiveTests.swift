import Foundation
import Model
import Testing

@testable import Train

/// Loss weights, distributions of noise levels and times, conversions between predictions.
@Suite struct ObjectiveTests {
  /// Timestep, min-SNR (g = 5) for v, its safe form, min-SNR for epsilon, debiased: numpy in Double.
  static let plainWeights: [(Int, Double, Double, Double, Double)] = [
    (0, 0.004250000000000087, 0.004250000000000087, 0.004253615573237339, 0.029167158151720367),
    (100, 0.528882612067203, 0.528882612067203, 0.5914434426331733, 0.34393122644888563),
    (300, 0.590501058799611, 1, 1, 0.8327527034537147),
    (500, 0.2763326838229746, 1, 1, 1.6182788260186165),
    (900, 0.014151141969672475, 1, 1, 8.346596614723834),
    (999, 0.0046600985130772375, 1, 1, 14.614641229333639),
  ]

  @Test(arguments: plainWeights)
  func weightsAreTheClosedForms(_ row: (Int, Double, Double, Double, Double)) {
    let (timestep, minSNR, safe, epsilon, debiased) = row
    let plain = NoiseSchedule(zeroTerminalSNR: false)
    func weight(_ prediction: PredictionType, _ weighting: LossWeighting) -> Double {
      let objective = Objective(prediction: prediction, schedule: plain, weighting: weighting)
      return Double(objective.draw(at: Double(timestep)).weight)
    }
    // Stored in f32.
    #expect(abs(weight(.v, .minSNR(gamma: 5)) / minSNR - 1) < 1e-6)
    #expect(abs(weight(.v, .safeMinSNR(gamma: 5)) / safe - 1) < 1e-6)
    #expect(abs(weight(.epsilon, .minSNR(gamma: 5)) / epsilon - 1) < 1e-6)
    #expect(abs(weight(.epsilon, .debiased) / debiased - 1) < 1e-6)
    #expect(weight(.v, .none) == 1)
  }

  /// The same with g = 0.1: timestep, v, safe, epsilon.
  @Test(arguments: [
    (300, 0.0409498941200389, 0.0409498941200389, 0.06934770651094703),
    (500, 0.07236673161770255, 0.07236673161770255, 0.2618826358740192),
    (999, 0.004660098513077234, 0.09953399014869227, 1),
  ])
  func weightsTakeTheirGamma(_ timestep: Int, _ minSNR: Double, _ safe: Double, _ epsilon: Double) {
    for (prediction, weighting, expected) in [
      (PredictionType.v, LossWeighting.minSNR(gamma: 0.1), minSNR),
      (.v, .safeMinSNR(gamma: 0.1), safe), (.epsilon, .minSNR(gamma: 0.1), epsilon),
    ] {
      let objective = Objective(prediction: prediction, schedule: .plain, weighting: weighting)
      let weight = Double(objective.draw(at: Double(timestep)).weight)
      #expect(abs(weight / expected - 1) < 1e-6, "\(prediction) \(weighting)")
    }
  }

  /// SNRs are those of the rescaled schedule: 100, 500, 998, 999.
  @Test(arguments: [
    (100, 0.5661935774924632, 0.5661935774924632), (500, 0.24101878275731578, 1),
    (998, 1.9678880566212916e-07, 1), (999, 0, 1),
  ])
  func weightsWithZeroTerminalSNR(_ timestep: Int, _ minSNR: Double, _ safe: Double) {
    let schedule = NoiseSchedule(zeroTerminalSNR: true)
    let weights = [LossWeighting.minSNR(gamma: 5), .safeMinSNR(gamma: 5)].map {
      Objective(prediction: .v, schedule: schedule, weighting: $0).draw(at: Double(timestep)).weight
    }
    #expect(abs(Double(weights[0]) - minSNR) <= 1e-6 * minSNR)
    #expect(abs(Double(weights[1]) - safe) <= 1e-6 * safe)
  }

  /// `numpy.interp` over log sigma.
  @Test func timestepsAreInterpolatedInLogSigma() {
    let plain = NoiseSchedule(zeroTerminalSNR: false)
    for (sigma, timestep) in [
      (0.03, 0.08086332679949673), (0.1, 10.38219681104385), (1, 353.89041059493974),
      (3, 673.1554520567038), (14, 991.8844178888768), (0.01, 0), (100, 999),
    ] {
      #expect(abs(plain.timestep(sigma: sigma) - timestep) < 1e-9)
    }
    let rescaled = NoiseSchedule(zeroTerminalSNR: true)
    #expect(rescaled.timestep(sigma: .infinity) == 999)
    #expect(rescaled.timestep(sigma: 1e6) == 998)
    for schedule in [plain, rescaled] {
      for timestep in [0, 1, 400, 997, 998] {
        #expect(schedule.alphaBar(timestep: Double(timestep)) == schedule.alphaBar[timestep])
        #expect(abs(schedule.timestep(sigma: schedule.sigmas[timestep]) - Double(timestep)) < 1e-9)
      }
      // Half-way between two timesteps, sigma is their geometric mean.
      let alphaBar = schedule.alphaBar(timestep: 400.5)
      let mean = (schedule.sigmas[400] * schedule.sigmas[401]).squareRoot()
      #expect(abs(((1 - alphaBar) / alphaBar).squareRoot() - mean) < 1e-12)
    }
  }

  /// Largest distance of the samples' distribution from a cumulative one (Kolmogorov and Smirnov).
  private static func distance(_ samples: [Double], _ cumulative: (Double) -> Double) -> Double {
    let count = Double(samples.count)
    return samples.sorted().enumerated().reduce(0) { largest, item in
      let value = cumulative(item.element)
      return max(
        largest, abs(value - Double(item.offset) / count),
        abs(Double(item.offset + 1) / count - value))
    }
  }

  /// A distance that one in 10,000 fair samplings of 20,000 exceeds: 2.23 / sqrt(20000).
  static let bound = 2.23 / 20_000.0.squareRoot()

  private static func times(_ objective: Objective, pixels: Int, seed: UInt64) -> [Double] {
    (0..<20_000).map { index in
      let random = SampleRandom(seed: seed, step: index / 100, sample: index % 100)
      return objective.time(normal: random.normal, uniforms: random.uniforms, pixels: pixels)
    }
  }

  /// Standard normal below.
  private static func normalBelow(_ x: Double) -> Double { erfc(-x / 2.0.squareRoot()) / 2 }

  @Test(arguments: [(1.0, 0.0), (3.0, 0.0), (0.5, 0.3), (2.0, 1.0)])
  func flowTimesHaveTheirDistribution(shift: Double, uniformFraction: Double) {
    let objective = Objective(
      prediction: .flow, schedule: .plain,
      times: TimeDistribution(
        logitMean: 0.3, logitDeviation: 0.9, uniformFraction: uniformFraction,
        shift: .constant(shift)))
    let times = Self.times(objective, pixels: 1024 * 1024, seed: 11)
    let distance = Self.distance(times) { time in
      let plain = time / (shift - (shift - 1) * time)
      let normal = Self.normalBelow((log(plain / (1 - plain)) - 0.3) / 0.9)
      return uniformFraction * plain + (1 - uniformFraction) * normal
    }
    #expect(distance < Self.bound)
  }

  /// METHODS: P(t > 0.9) is 1.4 % for (0, 1), and shift 3 at 1024 x 1024 is 1.5 at a quarter of it.
  @Test func nearPureNoiseIsRareInLogitNormalTimes() {
    let times = Self.times(
      Objective(prediction: .flow, schedule: .plain), pixels: 1024 * 1024, seed: 12)
    let share = Double(times.count { $0 > 0.9 }) / 20_000
    // Four standard errors of sqrt(.014 .986 / 20000).
    #expect(abs(share - 0.014) < 4 * 0.00083)
    // Above 0.99 the closed form has two in a million: none of 20,000. A tenth of uniform times brings
    // 20, give or take four times sqrt(20).
    #expect(1 - Self.normalBelow(log(0.99 / 0.01)) < 2.2e-6)
    #expect(!times.contains { $0 > 0.99 })
    let mixed = Self.times(
      Objective(
        prediction: .flow, schedule: .plain, times: TimeDistribution(uniformFraction: 0.1)),
      pixels: 1024 * 1024, seed: 16)
    #expect((3...37).contains(mixed.count { $0 > 0.99 }))
  }

  /// Shift 3 at 1024 x 1024 is 1.5 at a quarter of the area, 6 at four times it, whatever the shape.
  @Test(arguments: [
    (512, 512, 1.5), (1024, 1024, 3), (2048, 2048, 6), (2048, 512, 3), (832, 1216, 2.946794),
  ])
  func shiftGoesWithTheResolution(width: Int, height: Int, shift: Double) {
    let objective = Objective(
      prediction: .flow, schedule: .plain,
      times: TimeDistribution(uniformFraction: 1, shift: .byResolution(at1024: 3)))
    let times = Self.times(objective, pixels: width * height, seed: 13)
    #expect(Self.distance(times) { $0 / (shift - (shift - 1) * $0) } < Self.bound)
    #expect(
      abs(objective.times.shift.value(pixels: width * height) - shift) < 1e-4)
  }

  /// v and epsilon draw each of the 1,000 timesteps as often: chi squared, whose mean is 999 and standard
  /// deviation sqrt(2 999), within four of them.
  @Test(arguments: [PredictionType.v, .epsilon])
  func timestepsAreUniform(_ prediction: PredictionType) {
    var counts = [Int](repeating: 0, count: 1000)
    for time in Self.times(
      Objective(prediction: prediction, schedule: .plain), pixels: 1, seed: 17)
    { counts[Int(time)] += 1 }
    let square = counts.reduce(0.0) { $0 + (Double($1) - 20) * (Double($1) - 20) / 20 }
    #expect(abs(square - 999) < 4 * (2 * 999.0).squareRoot())
  }

  /// P(sigma <= x) of the ramp, at 1024 x 1024 and at twice and half the side.
  @Test(arguments: [(1024, 20.0), (2048, 40.0), (512, 10.0)])
  func sigmasAreEvenOnTheRamp(side: Int, maximum: Double) {
    let schedule = NoiseSchedule(zeroTerminalSNR: true)
    let objective = Objective(
      prediction: .v, schedule: schedule,
      sigmas: SigmaDistribution(minimum: 0.03, maximum: 20, isDynamic: true))
    let sigmas = Self.times(objective, pixels: side * side, seed: 14).map { time -> Double in
      let alphaBar = schedule.alphaBar(timestep: time)
      return ((1 - alphaBar) / alphaBar).squareRoot()
    }
    let (low, high) = (pow(0.03, 1 / 7.0), pow(maximum, 1 / 7.0))
    #expect(Self.distance(sigmas) { (pow($0, 1 / 7.0) - low) / (high - low) } < Self.bound)
    #expect(sigmas.allSatisfy { $0 > 0.0299 && $0 < maximum * 1.0001 })
  }

  @Test func rampsStayOnTheSchedule() {
    let distribution = SigmaDistribution(maximum: 14, isDynamic: true)
    let plain = NoiseSchedule.plain.largestFiniteSigma
    #expect(distribution.maximum(pixels: 2048 * 2048, limit: plain) == plain)
    #expect(distribution.maximum(pixels: 2048 * 2048, limit: 2254) == 28)
    #expect(SigmaDistribution(maximum: 14).maximum(pixels: 2048 * 2048, limit: plain) == 14)
    // Of a ramp to 20000, three quarters lie above 14.6: (4.1155 - 1.4669) / (4.1155 - 0.6036).
    func share(_ ramp: SigmaDistribution, side: Int) -> Double {
      ramp.share(above: plain, pixels: side * side, limit: .infinity)
    }
    #expect(abs(share(SigmaDistribution(maximum: 20000), side: 1024) - 0.7542) < 0.0005)
    // That goes with the resolution: 14.6 at half the side is nothing above 14.6.
    let dynamic = SigmaDistribution(maximum: 2 * plain, isDynamic: true)
    #expect(share(dynamic, side: 512) < 1e-9 && share(dynamic, side: 1024) > 0.1)
    // A share of uniform timesteps brings the last one back.
    let mixed = Objective(
      prediction: .v, schedule: NoiseSchedule(zeroTerminalSNR: true),
      sigmas: SigmaDistribution(uniformFraction: 0.5))
    let times = Self.times(mixed, pixels: 1, seed: 15)
    let last = Double(times.count { $0 == 999 })
    // 20000 x 0.5 / 1000 = 10, four standard deviations around.
    #expect(last >= 1 && last < 23)
    let whole = Double(times.count { $0 == $0.rounded() }) / 20_000
    #expect(abs(whole - 0.5) < 0.015)
  }
}
