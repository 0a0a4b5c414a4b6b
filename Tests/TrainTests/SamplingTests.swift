import Graph
import Model
import Testing

@testable import Train

/// Sampling tables and whole sampled latents against diffusers' schedulers (`reference.py sample`).
@Suite struct SamplingTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var file: String
    var prediction: PredictionType
    var table: SamplingTable
    var testDescription: String { file }
  }

  static let cases = [
    Case(
      file: "sample-euler-eps-karras", prediction: .epsilon,
      table: SamplingTable(
        schedule: NoiseSchedule(zeroTerminalSNR: false), spacing: .karras, steps: 10)),
    Case(
      file: "sample-euler-v-ztsnr", prediction: .v,
      table: SamplingTable(
        schedule: NoiseSchedule(zeroTerminalSNR: true), spacing: .trailing, steps: 10,
        terminalSigma: 4096)),
    Case(
      file: "sample-flow", prediction: .flow, table: SamplingTable(flowSteps: 10, shift: 2.5)),
  ]

  @Test(arguments: cases)
  func tablesAreDiffusers(_ sampling: Case) throws {
    let file = try Fixture.open(sampling.file)
    // diffusers computes its tables in f32.
    #expect(relativeError(sampling.table.sigmas, try file.doubles("sigmas")) < 1e-6)
    #expect(relativeError(sampling.table.timesteps, try file.doubles("timesteps")) < 1e-6)
  }

  @Test(arguments: cases)
  func sampledLatentsAreDiffusers(_ sampling: Case) throws {
    let file = try Fixture.open(sampling.file)
    let entry = try file.entry("noise")
    let shape = Tiny.shape(samples: 1)
    let unet = Tiny.configuration.unet
    let runner = try UNetRunner(
      SharedBackend.vulkan, unet.stored(.f32), weights: Tiny.weights, shape: shape)
    let (context, pooled) = (try file.floats("context"), try file.floats("pooled"))
    let timeIDs = try file.floats("time_ids")
    let noise = ChannelOrder.channelsLast(try file.floats(entry), shape: entry.shape)
    let latents = try EulerSampler(prediction: sampling.prediction, table: sampling.table)
      .sample(noise: noise) { input, time in
        try runner.predict(
          shape, latents: input, time: [time], context: context, pooled: pooled, timeIDs: timeIDs)
      }
    let expected = ChannelOrder.channelsLast(try file.floats("latents"), shape: entry.shape)
    // The issue allows 1e-3; ten steps of f32 forward passes keep well below 1e-4.
    #expect(relativeError(latents.map(Double.init), expected.map(Double.init)) < 1e-4)
  }

  @Test func theInfiniteStepIsFinite() throws {
    let table = SamplingTable(
      schedule: NoiseSchedule(zeroTerminalSNR: true), spacing: .trailing, steps: 4)
    #expect(table.sigmas[0] == 20000 && table.initialSigma == 20000)
    // A network that knows x0 = 0.5 exactly: v = a noise - s x0.
    let sampler = EulerSampler(prediction: .v, table: table)
    var step = 0
    let latents = try sampler.sample(noise: [1, -2]) { input, _ in
      let sigma = table.sigmas[step]
      step += 1
      let (a, s) = (1 / (sigma * sigma + 1).squareRoot(), sigma / (sigma * sigma + 1).squareRoot())
      return input.map { x in
        let noise = (Double(x) - a * 0.5) / s
        return Float(a * noise - s * 0.5)
      }
    }
    // x0 is what is left of numbers 20000 times as large, in f32.
    #expect(latents.allSatisfy { abs($0 - 0.5) < 0.01 })
  }

  @Test func guidanceExtrapolates() {
    #expect(guided([3], [1], scale: 2) == [5])
    #expect(guided([3], [1], scale: 1) == [3])
  }
}
