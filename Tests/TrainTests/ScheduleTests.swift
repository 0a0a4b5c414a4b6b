import Foundation
import Model
import Testing

@testable import Train

/// Schedules, times and rates against `reference.py schedules` and closed forms.
@Suite struct ScheduleTests {
  @Test(arguments: [false, true])
  func alphaBarAndSigmasAreTheReferences(zeroTerminalSNR: Bool) throws {
    let file = try Fixture.open("schedules")
    let schedule = NoiseSchedule(zeroTerminalSNR: zeroTerminalSNR)
    let tag = zeroTerminalSNR ? "ztsnr" : "sdxl"
    let alphaBar = try file.doubles("\(tag).alphas_cumprod")
    // Both are computed in Double; 1e-6 is the bound of the issue, 1e-12 what rounding allows.
    #expect(relativeError(schedule.alphaBar, alphaBar) < 1e-12)
    let sigmas = try file.doubles("\(tag).sigmas")
    let finite = zeroTerminalSNR ? 999 : 1000
    #expect(relativeError(Array(schedule.sigmas[..<finite]), Array(sigmas[..<finite])) < 1e-9)
    #expect(schedule.sigmas[999].isInfinite == zeroTerminalSNR)
    #expect((schedule.alphaBar[999] == 0) == zeroTerminalSNR)
  }

  @Test(arguments: [10, 20, 28, 50], [(14.6146, "14.6146"), (20000, "20000")])
  func karrasIsTheReferences(count: Int, maximum: (Double, String)) throws {
    let expected = try Fixture.open("schedules").doubles("karras.n\(count).max\(maximum.1)")
    let found = karrasSigmas(count: count, minimum: 0.0292, maximum: maximum.0) + [0]
    #expect(relativeError(found, expected) < 1e-12)
  }

  @Test func knownSigmas() {
    let plain = NoiseSchedule(zeroTerminalSNR: false).sigmas
    #expect(abs(plain[0] - 0.0291672) < 1e-6)
    #expect(abs(plain[999] - 14.6146) < 1e-4)
    let rescaled = NoiseSchedule(zeroTerminalSNR: true).sigmas
    for (index, sigma) in [
      (0, 0.0291672), (500, 1.775), (900, 18.35), (997, 1124.6), (998, 2254.2),
    ] {
      #expect(abs(rescaled[index] - sigma) < 1e-3 * sigma)
    }
    #expect(NoiseSchedule(zeroTerminalSNR: true).largestFiniteSigma == rescaled[998])
  }

  @Test func drawsFollowTheirDefinitions() {
    let schedule = NoiseSchedule(zeroTerminalSNR: true)
    let flow = Objective(prediction: .flow, schedule: schedule).draw(at: 0.25)
    #expect(flow.networkTime == 250)
    #expect(flow.noisy == (0.75, 0.25) && flow.target == (-1, 1))
    // At zero SNR v is -x0, seen in nothing but noise.
    let v = Objective(prediction: .v, schedule: schedule).draw(at: 999)
    #expect(v.networkTime == 999)
    #expect(v.noisy == (0, 1) && v.target == (-1, 0))
    let epsilon = Objective(
      prediction: .epsilon, schedule: NoiseSchedule(zeroTerminalSNR: false)
    ).draw(at: 500)
    #expect(epsilon.target == (0, 1))
    #expect(abs(epsilon.noisy.0 * epsilon.noisy.0 + epsilon.noisy.1 * epsilon.noisy.1 - 1) < 1e-6)
  }

  @Test func logitNormalTimesHaveTheirDistribution() {
    let times = TimeDistribution(logitMean: 0.5, logitDeviation: 0.8)
    let draws = (0..<20_000).map { index -> Double in
      let random = SampleRandom(seed: 3, step: index / 100, sample: index % 100)
      return times.time(normal: random.normal, uniforms: random.uniforms, pixels: 1)
    }
    let logits = draws.map { log($0 / (1 - $0)) }
    let mean = logits.reduce(0, +) / Double(logits.count)
    let variance = logits.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(logits.count)
    // Standard errors are 0.8 / sqrt(20000) = 0.0057 and 0.64 sqrt(2 / 20000) = 0.0064: four of each.
    #expect(abs(mean - 0.5) < 0.023)
    #expect(abs(variance - 0.64) < 0.026)
  }

  @Test func uniformFractionAndShift() {
    let uniform = TimeDistribution(uniformFraction: 1, shift: .constant(3))
    #expect(abs(uniform.time(normal: 9, uniforms: (0.5, 0.5), pixels: 1) - 0.75) < 1e-12)
    let byResolution = TimeDistribution.Shift.byResolution(at1024: 3)
    #expect(byResolution.value(pixels: 1024 * 1024) == 3)
    #expect(byResolution.value(pixels: 512 * 512) == 1.5)
  }

  @Test func learningRates() {
    let rate = { (shape: LearningRateSchedule.Shape, step: Int) in
      LearningRateSchedule(shape: shape, rate: 2, warmupSteps: 4, steps: 24).rate(at: step)
    }
    #expect((0..<4).map { rate(.cosine, $0) } == [0.5, 1, 1.5, 2])
    #expect(rate(.constant, 23) == 2)
    #expect(rate(.linear, 14) == 1)
    #expect(abs(rate(.cosine, 14) - 1) < 1e-12)
    #expect(abs(rate(.cosine, 24)) < 1e-12)
  }
}
