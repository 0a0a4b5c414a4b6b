import Foundation
import Graph
import Model
import Testing

@testable import Train

/// Moving a network that predicts epsilon to v and flow.
@Suite struct EasingTests {
  static let objectives = [
    Objective(prediction: .flow, schedule: .plain, easing: Easing(steps: 10)),
    Objective(prediction: .v, schedule: .plain, easing: Easing(steps: 10)),
    Objective(
      prediction: .v, schedule: NoiseSchedule(zeroTerminalSNR: true), easing: Easing(steps: 10)),
  ]

  /// The objective's time at which noise over signal is that of SDXL's timestep.
  private static func time(_ objective: Objective, like timestep: Int) -> Double {
    let sigma = NoiseSchedule.plain.sigmas[timestep]
    return objective.prediction == .flow
      ? sigma / (1 + sigma) : objective.schedule.timestep(sigma: sigma)
  }

  /// At the start nothing has to be learnt: the network is given what it knows, and asked for epsilon.
  @Test(arguments: objectives) func theFirstUpdateIsEpsilons(_ objective: Objective) {
    let epsilon = Objective(prediction: .epsilon, schedule: .plain)
    for timestep in [1, 20, 250, 500, 800, 999] {
      let found = objective.draw(at: Self.time(objective, like: timestep), progress: 0)
      let expected = epsilon.draw(at: Double(timestep))
      #expect(abs(found.networkTime - expected.networkTime) < 1e-3)
      #expect(abs(found.noisy.0 - expected.noisy.0) < 1e-6)
      #expect(abs(found.noisy.1 - expected.noisy.1) < 1e-6)
      #expect(found.target == (0, 1))
    }
  }

  @Test(arguments: objectives) func theLastOneIsTheObjectivesOwn(_ objective: Objective) {
    var plain = objective
    plain.easing = nil
    for time in objective.prediction == .flow ? [0.01, 0.5, 0.99] : [0, 500, 999] {
      #expect(objective.draw(at: time, progress: 1) == plain.draw(at: time))
      // Half-way, everything is half-way.
      let (start, half, end) = (
        objective.draw(at: time, progress: 0), objective.draw(at: time, progress: 0.5),
        plain.draw(at: time)
      )
      #expect(abs(half.networkTime - (start.networkTime + end.networkTime) / 2) < 1e-3)
      #expect(abs(half.target.0 - (start.target.0 + end.target.0) / 2) < 1e-6)
      #expect(abs(half.noisy.1 - (start.noisy.1 + end.noisy.1) / 2) < 1e-6)
    }
    let easing = Easing(steps: 4)
    #expect((0..<6).map { easing.progress(at: $0) } == [0, 0.25, 0.5, 0.75, 1, 1])
  }

  /// Places from clean to noisy, at every stage of the way.
  private static func forms(_ objective: Objective) -> [Parametrization] {
    [0, 0.3, 0.7, 1].flatMap { progress in
      (objective.prediction == .flow ? [0.02, 0.1, 0.5, 0.7, 0.95] : [1, 50, 400, 700, 950]).map {
        objective.parametrization(at: $0, progress: progress)
      }
    }
  }

  /// Each prediction over one input. (Flow's own form wants signal + noise = 1, v's the squares: a scaled
  /// input changes neither.)
  private static func usual(_ form: Parametrization) -> [Parametrization] {
    PredictionType.allCases.map {
      Parametrization($0, time: 0, signal: form.signal, noise: form.noise)
    }
  }

  /// x0 and noise to input and output and back, from any prediction to any other and back, and through
  /// all of them in a row, in Double: within 1e-6, at every stage of the way.
  @Test(arguments: objectives) func conversionsGoRound(_ objective: Objective) {
    let numbers = SyntheticTensors.inputs("x0", shape: [16], seed: 1).map(Double.init)
    for form in Self.forms(objective) {
      let (x0, noise) = form.solution()
      for (a, e) in zip(numbers, numbers.reversed()) {
        let input = form.signal * a + form.noise * e
        let output = form.targetSignal * a + form.targetNoise * e
        #expect(abs(x0.input * input + x0.output * output - a) < 1e-6)
        #expect(abs(noise.input * input + noise.output * output - e) < 1e-6)
        func convert(_ output: Double, _ from: Parametrization, _ to: Parametrization) -> Double {
          let factors = from.conversion(to: to)
          return factors.input * input + factors.output * output
        }
        var (value, place) = (output, form)
        for other in Self.usual(form) {
          let there = convert(output, form, other)
          #expect(abs(there - other.targetSignal * a - other.targetNoise * e) < 1e-6)
          #expect(abs(convert(there, other, form) - output) < 1e-6)
          (value, place) = (convert(value, place, other), other)
        }
        #expect(abs(convert(value, place, form) - output) < 1e-6)
      }
    }
  }

  /// The same in f32, as samplers do it: within 1e-6 of the terms' size, of which f32 keeps 6e-8. Near an
  /// end a small difference of large terms is left, and that is what a prediction is worth there.
  @Test(arguments: objectives) func conversionsGoRoundInSinglePrecision(_ objective: Objective) {
    let x0 = SyntheticTensors.inputs("x0", shape: [64], seed: 1)
    let noise = SyntheticTensors.inputs("noise", shape: [64], seed: 2)
    func size(_ values: [Float]) -> Double { values.map { Double(abs($0)) }.max() ?? 0 }
    func close(_ found: [Float], _ expected: [Float], _ terms: Double) -> Bool {
      zip(found, expected).allSatisfy { abs(Double($0) - Double($1)) <= 1e-6 * terms }
    }
    for form in Self.forms(objective) {
      let input = weightedSum((form.signal, x0), (form.noise, noise))
      let output = weightedSum((form.targetSignal, x0), (form.targetNoise, noise))
      func terms(_ factors: Parametrization.Factors, _ output: [Float]) -> Double {
        abs(factors.input) * size(input) + abs(factors.output) * size(output)
      }
      let (found, factors) = (form.estimate(input: input, output: output), form.solution())
      #expect(close(found.x0, x0, terms(factors.x0, output)))
      #expect(close(found.noise, noise, terms(factors.noise, output)))
      for other in Self.usual(form) {
        let there = form.converted(input: input, output: output, to: other)
        let back = other.converted(input: input, output: there, to: form)
        // What the way there rounds, the way back multiplies.
        let (to, fro) = (form.conversion(to: other), other.conversion(to: form))
        #expect(
          close(back, output, terms(fro, there) + abs(fro.output) * terms(to, output)))
      }
    }
  }

  /// The closed forms: flow's velocity from epsilon is (e - x) / (1 - t), v's (e - s z) / a.
  @Test func velocitiesFromEpsilonAreTheClosedForms() {
    let z = SyntheticTensors.inputs("z", shape: [32], seed: 1)
    let e = SyntheticTensors.inputs("e", shape: [32], seed: 2)
    let t = 0.6
    let flow = Parametrization(.flow, time: 600, signal: 1 - t, noise: t)
    let norm = ((1 - t) * (1 - t) + t * t).squareRoot()
    let velocity = flow.ofEpsilon.converted(
      input: weightedSum((1 / norm, z)), output: e, to: flow)
    for index in z.indices {
      #expect(abs(Double(velocity[index]) - Double(e[index] - z[index]) / (1 - t)) < 3e-6)
    }
    let (a, s) = (0.8, 0.6)
    let v = Parametrization(.v, time: 0, signal: a, noise: s)
    let converted = v.ofEpsilon.converted(input: z, output: e, to: v)
    for index in z.indices {
      let expected = (Double(e[index]) - s * Double(z[index])) / a
      #expect(abs(Double(converted[index]) - expected) < 3e-6)
    }
  }

  /// The UNet itself: in the first update its prediction is that of the epsilon model on the epsilon
  /// model's own input, and the loss too.
  @Test(arguments: objectives) func theNetworkStartsAsItWas(_ objective: Objective) throws {
    let backend = try SharedBackend.vulkan
    let shape = Tiny.shape(samples: 2)
    let batch = Tiny.batch(shape, seed: 3)
    let graph = MicroStep.graph(
      shape, noise: .given, gradients: .none,
      denoiser: UNetRunner.denoiser(Tiny.configuration.unet))
    let store = try backend.makeStore(graph.variables)
    try Tiny.weights.load(graph.variables, into: store)
    let program = try store.load(backend.plan(graph))
    func run(_ draws: [Objective.Draw]) throws -> [String: TensorData] {
      var values = StepInputs(settings: Tiny.settings(), step: 0)
        .values(batch, first: 0, samples: 2)
      values["noise.keys"] = nil
      values["noise"] = TensorData(
        shape.latents, SyntheticTensors.inputs("noise", shape: shape.latents, seed: 4))
      values["time"] = TensorData([2], draws.map(\.networkTime))
      values["noisy.coefficients"] = TensorData(
        [2, 2], draws.flatMap { [$0.noisy.0, $0.noisy.1] })
      values["target.coefficients"] = TensorData(
        [2, 2], draws.flatMap { [$0.target.0, $0.target.1] })
      return try program.run(values)
    }
    let timesteps = [120, 700]
    let epsilon = Objective(prediction: .epsilon, schedule: .plain)
    let expected = try run(timesteps.map { epsilon.draw(at: Double($0)) })
    let found = try run(
      timesteps.map { objective.draw(at: Self.time(objective, like: $0), progress: 0) })
    for name in ["prediction", "loss"] {
      let error = relativeError(
        (found[name]?.floats ?? []).map(Double.init),
        (expected[name]?.floats ?? []).map(Double.init))
      // f32 through the network, from inputs and times that differ in the last place.
      #expect(error < 1e-4, "\(name)")
    }
  }

  /// Near pure noise x0 is held back, and only x0: what the input has beside it is noise. An exact
  /// network's noise is then right but for the share of x0 that was held back.
  @Test(arguments: [0, 0.02, 0.05, 0.5])
  func noiseIsWhatTheInputHasBesideX0(progress: Double) {
    let x0 = SyntheticTensors.inputs("x0", shape: [64], seed: 1)
    let noise = SyntheticTensors.inputs("noise", shape: [64], seed: 2)
    let flow = [1, 0.98, 0.95, 0.5].map {
      Parametrization(.flow, time: 1000 * $0, signal: 1 - $0, noise: $0)
    }
    let v = [Double.infinity, 20000, 100, 1].map { sigma in
      let level = NoiseLevel(sigma: sigma)
      return Parametrization(.v, time: 999, signal: level.signal, noise: level.noise)
    }
    for form in (flow + v).map({ $0.eased(progress: progress) }) {
      let input = weightedSum((form.signal, x0), (form.noise, noise))
      let found = form.estimate(
        input: input,
        output: weightedSum((form.targetSignal, x0), (form.targetNoise, noise)),
        least: Parametrization.leastDeterminant)
      let again = weightedSum((form.signal, found.x0), (form.noise, found.noise))
      for index in x0.indices {
        #expect(abs(again[index] - input[index]) < 2e-6, "\(form)")
        let missed = Double(form.signal / form.noise) * Double(x0[index] - found.x0[index])
        #expect(abs(Double(found.noise[index] - noise[index]) - missed) < 2e-5, "\(form)")
        #expect(abs(found.x0[index]) < abs(x0[index]) + 2e-5, "\(form)")
      }
    }
  }

  /// An ideal network on its way from epsilon draws what the one that arrives does: Gaussian data, whose
  /// spread the walk reaches from pure noise.
  @Test(arguments: [PredictionType.flow, .v], [0, 0.03, 0.4])
  func picturesOnTheWayReachTheData(_ prediction: PredictionType, progress: Double) throws {
    let table = SamplingTable(
      prediction: prediction, schedule: NoiseSchedule(zeroTerminalSNR: true),
      TableSettings(steps: 200, spacing: .trailing))
    let process = SamplingProcess(
      prediction: prediction, table: table, easingProgress: progress)
    let forms = zip(table.levels(prediction), table.timesteps).map { level, time in
      Parametrization(prediction, time: time, signal: level.signal, noise: level.noise)
        .eased(progress: progress)
    }
    var index = 0
    let c2 = SamplerTests.deviation * SamplerTests.deviation
    let start: [Float] = [1, -1, 2, 0.5]
    let found = try process.sample(
      noise: start, stepNoise: { _ in [] },
      network: { input, _ in
        let form = forms[index]
        index += 1
        let variance = form.signal * form.signal * c2 + form.noise * form.noise
        let factor =
          (form.targetSignal * form.signal * c2 + form.targetNoise * form.noise) / variance
        return input.map { Float(factor * Double($0)) }
      })
    for (value, start) in zip(found, start) {
      #expect(abs(value / start - Float(SamplerTests.deviation)) < 0.02, "\(value) of \(start)")
    }
  }

  /// A network that knows the picture leads a sampler to it at every stage of the way.
  @Test(arguments: [SamplingMethod.euler, .heun], [0, 0.4, 1])
  func samplersFollowTheWay(_ method: SamplingMethod, progress: Double) throws {
    let picture = SyntheticTensors.inputs("x0", shape: [48], seed: 5)
    let table = SamplingTable(flowSteps: 12, shift: 1.5)
    let process = SamplingProcess(
      prediction: .flow, table: table, method: method, easingProgress: progress)
    func forms() -> [Parametrization] {
      table.sigmas.dropLast().map {
        Parametrization(.flow, time: 1000 * $0, signal: 1 - $0, noise: $0).eased(progress: progress)
      }
    }
    let found = try process.sample(
      noise: SyntheticTensors.inputs("noise", shape: [48], seed: 6), stepNoise: { _ in [] },
      network: { input, time in
        let form = try #require(
          forms().min { abs($0.time - Double(time)) < abs($1.time - Double(time)) })
        let noise = weightedSum((1 / form.noise, input), (-form.signal / form.noise, picture))
        return weightedSum((form.targetSignal, picture), (form.targetNoise, noise))
      })
    for (a, b) in zip(found, picture) { #expect(abs(a - b) < 1e-4) }
  }
}

extension Parametrization {
  /// The output of another parametrization that says the same of x0 and noise, over the same input.
  fileprivate func conversion(to other: Parametrization) -> Factors {
    let (x0, noise) = solution()
    return Factors(
      input: other.targetSignal * x0.input + other.targetNoise * noise.input,
      output: other.targetSignal * x0.output + other.targetNoise * noise.output)
  }

  /// The same of values, through the estimate that samplers go by.
  fileprivate func converted(
    input: [Float], output: [Float], to other: Parametrization
  ) -> [Float] {
    let estimate = estimate(input: input, output: output)
    return weightedSum((other.targetSignal, estimate.x0), (other.targetNoise, estimate.noise))
  }
}
