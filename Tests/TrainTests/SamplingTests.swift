import Foundation
import Graph
import Model
import Testing

@testable import Train

/// Sampling tables and whole sampled latents against diffusers' schedulers: 20 steps by
/// `scripts/make_sampler_references.py`, 10 steps by `reference.py sample`.
@Suite struct SamplingTests {
  /// A case of samplers.safetensors, named METHOD-OBJECTIVE-SPACING.
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var method: SamplingMethod
    var eta: Double?
    var prediction: PredictionType
    var table: SamplingTable?

    init?(_ name: String) {
      let parts = name.split(separator: "-").map(String.init)
      let hasEta = parts[0] == "ddim_eta"
      guard parts.count == 3, let method = SamplingMethod(rawValue: hasEta ? "ddim" : parts[0])
      else { return nil }
      self.name = name
      self.method = method
      eta = hasEta ? 1 : nil
      prediction = parts[1] == "eps" ? .epsilon : parts[1] == "flow" ? .flow : .v
      // diffusers' DDIM has the exact zero, its other schedulers 4096.
      let settings = TableSettings(
        steps: 20, method: method, spacing: Spacing(rawValue: parts[2]) ?? .native, shift: 2.5,
        terminalSigma: method == .ddim ? .infinity : 4096)
      table =
        parts[2] == "given"
        ? nil
        : SamplingTable(
          prediction: prediction, schedule: NoiseSchedule(zeroTerminalSNR: parts[1] == "ztsnr"),
          settings)
    }

    var testDescription: String { name }

    /// diffusers' own table.
    func givenTable(_ file: Safetensors) throws -> SamplingTable {
      SamplingTable(
        timesteps: try file.doubles(name + ".timesteps"),
        sigmas: try file.doubles(name + ".sigmas"), initialScale: table?.initialScale ?? 1
      ).withoutRepetitions
    }
  }

  static func cases() throws -> [Case] {
    let names = try Fixture.open("samplers").entries.map(\.name)
      .filter { $0.hasSuffix(".latents") }.map { String($0.dropLast(".latents".count)) }
    return names.sorted().compactMap(Case.init)
  }

  @Test func everySamplerHasCases() throws {
    let cases = try Self.cases()
    #expect(cases.count == 61)
    #expect(Set(cases.map(\.method)) == Set(SamplingMethod.allCases))
  }

  @Test func tablesAreDiffusers() throws {
    let file = try Fixture.open("samplers")
    for sampling in try Self.cases() {
      guard let table = sampling.table else { continue }
      let times = try file.doubles(sampling.name + ".timesteps")
      // diffusers multiplies 1,000 factors in f32, ours are in Double (see ScheduleTests): 1.1e-6.
      if file[sampling.name + ".sigmas"] != nil {
        let given = try sampling.givenTable(file)
        #expect(relativeError(table.sigmas, given.sigmas) < 2e-6, "\(sampling)")
        #expect(relativeError(table.timesteps, given.timesteps) < 1e-6, "\(sampling)")
      } else {
        #expect(table.timesteps == times, "\(sampling)")
      }
    }
  }

  @Test(arguments: SamplingMethod.allCases)
  func sampledLatentsAreDiffusers(method: SamplingMethod) throws {
    let file = try Fixture.open("samplers")
    let network = try TinyNetwork()
    for sampling in try Self.cases() where sampling.method == method {
      let expected = try file.floats(sampling.name + ".latents")
      var tables = sampling.table.map { [$0] } ?? []
      if file[sampling.name + ".sigmas"] != nil { tables.append(try sampling.givenTable(file)) }
      for table in tables {
        let process = SamplingProcess(
          prediction: sampling.prediction, table: table, method: method, eta: sampling.eta)
        let latents = try network.sample(process)
        let error = relativeError(latents.map(Double.init), expected.map(Double.init))
        // The issue allows 1e-3; twenty steps of f32 forward passes keep below 1e-4.
        #expect(error < 1e-4, "\(sampling): \(error)")
      }
    }
  }

  struct TenSteps: Sendable {
    var file: String
    var prediction: PredictionType
    var settings: TableSettings
  }

  @Test(arguments: [
    TenSteps(
      file: "sample-euler-eps-karras", prediction: .epsilon,
      settings: TableSettings(steps: 10, spacing: .karras)),
    TenSteps(
      file: "sample-euler-v-ztsnr", prediction: .v,
      settings: TableSettings(steps: 10, terminalSigma: 4096)),
    TenSteps(
      file: "sample-flow", prediction: .flow, settings: TableSettings(steps: 10, shift: 2.5)),
  ])
  func tenStepsAreDiffusers(_ sampling: TenSteps) throws {
    let file = try Fixture.open(sampling.file)
    let table = SamplingTable(
      prediction: sampling.prediction,
      schedule: NoiseSchedule(zeroTerminalSNR: sampling.prediction == .v), sampling.settings)
    #expect(relativeError(table.sigmas, try file.doubles("sigmas")) < 1e-6)
    #expect(relativeError(table.timesteps, try file.doubles("timesteps")) < 1e-6)
    let latents = try TinyNetwork().sample(
      SamplingProcess(prediction: sampling.prediction, table: table))
    let expected = try file.floats("latents")
    #expect(relativeError(latents.map(Double.init), expected.map(Double.init)) < 1e-4)
  }
}

/// The tiny UNet on reference.py's inputs (seed 0, latent 8x8, one sample).
struct TinyNetwork {
  let shape = Tiny.shape(samples: 1)
  let runner: UNetRunner

  init() throws {
    runner = try UNetRunner(
      SharedBackend.vulkan, Tiny.configuration.unet.stored(.f32), weights: Tiny.weights,
      shape: shape)
  }

  private func input(_ name: String, _ shape: [Int]) -> [Float] {
    SyntheticTensors.inputs("input." + name, shape: shape)
  }

  /// Latents [1, 4, 8, 8] that a sampler makes of the reference's noise.
  func sample(_ process: SamplingProcess) throws -> [Float] {
    let first = [1, 4, 8, 8]
    let context = input("context", [1, 77, shape.contextWidth])
    let pooled = input("pooled", [1, shape.pooledWidth])
    let stepNoise = input("step_noise", [20] + first)
    let latents = try process.sample(
      noise: ChannelOrder.channelsLast(input("noise", first), shape: first),
      stepNoise: { step in
        ChannelOrder.channelsLast(Array(stepNoise[step * 256..<(step + 1) * 256]), shape: first)
      },
      network: { latents, time in
        try runner.predict(
          shape, latents: latents, time: [time], context: context, pooled: pooled,
          timeIDs: [64, 64, 0, 0, 64, 64])
      })
    return ChannelOrder.channelsFirst(latents, shape: [1, 8, 8, 4])
  }
}
