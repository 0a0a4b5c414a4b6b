import Foundation
import Graph
import Model
import Testing

@testable import Train

/// Samplers on a denoiser known in closed form: data ~ N(0, c^2), for which
/// `E[x0 | z] = signal c^2 z / (signal^2 c^2 + noise^2)`.
@Suite struct SamplerTests {
  static let deviation = 0.5

  /// The ideal network for Gaussian data, as a function of the level.
  static func ideal(_ prediction: PredictionType, _ z: Float, _ level: NoiseLevel) -> Float {
    let (a, s, z) = (level.signal, level.noise, Double(z))
    let c2 = deviation * deviation
    let x0 = a * c2 * z / (a * a * c2 + s * s)
    let noise = s * z / (a * a * c2 + s * s)
    return switch prediction {
    case .epsilon: Float(noise)
    case .v: Float(a * noise - s * x0)
    case .flow: Float(noise - x0)
    }
  }

  static func walk(
    _ method: SamplingMethod, _ prediction: PredictionType, _ settings: TableSettings,
    zeroSNR: Bool = false, noise: [Float], eta: Double? = nil, seed: UInt64 = 0
  ) throws -> [Float] {
    var settings = settings
    settings.method = method
    let table = SamplingTable(
      prediction: prediction, schedule: NoiseSchedule(zeroTerminalSNR: zeroSNR), settings)
    let levels = table.levels(prediction)
    let times = table.timesteps.map { Float($0) }
    let process = SamplingProcess(
      prediction: prediction, table: table, method: method, eta: eta)
    let shape = BatchShape(
      samples: 1, height: 1, width: noise.count / 4, contextWidth: 1, pooledWidth: 1)
    return try process.sample(
      noise: noise,
      stepNoise: { SamplingProcess.stepNoise(seed: seed, step: $0, shape) },
      network: { z, time in
        let level = levels[times.firstIndex(of: time) ?? 0]
        return z.map { ideal(prediction, $0, level) }
      })
  }

  static let deterministic: [(SamplingMethod, PredictionType)] =
    [.euler, .heun, .dpmSolverPlusPlus, .ddim, .unipc].flatMap { method in
      [(method, PredictionType.epsilon), (method, .v)]
    } + [(.euler, .flow), (.heun, .flow), (.dpmSolverPlusPlus, .flow)]

  /// The flow of the ODE scales unit noise to data: c in the limit of many steps.
  @Test(arguments: deterministic)
  func manyStepsReachTheData(_ method: SamplingMethod, _ prediction: PredictionType) throws {
    let found = try Self.walk(
      method, prediction,
      TableSettings(steps: 200, spacing: prediction == .flow ? .native : .trailing),
      zeroSNR: prediction == .v, noise: [1, -1, 2, 0.5])
    for (value, start) in zip(found, [1, -1, 2, 0.5]) {
      // 200 steps of first order keep within 3 %; DDIM ends at the schedule's lowest level.
      #expect(abs(Double(value) / start - Self.deviation) < 0.03 * Self.deviation, "\(value)")
    }
  }

  /// Error by the number of steps tells the order of a method: halving steps of second order divides
  /// it by 4, of first order by 2.
  @Test(arguments: [
    (SamplingMethod.euler, 2.0), (.heun, 4.0), (.dpmSolverPlusPlus, 4.0), (.unipc, 4.0),
  ])
  func orders(_ method: SamplingMethod, _ ratio: Double) throws {
    // The walk is cut before the final step to 0, where every method is first-order.
    func error(_ steps: Int) throws -> Double {
      let sigmas = exponentialSigmas(count: steps + 1, minimum: 0.2, maximum: 5)
      let process = SamplingProcess(
        prediction: .epsilon,
        table: SamplingTable(
          timesteps: (0..<steps).map(Double.init), sigmas: sigmas, initialScale: 1),
        method: method)
      let levels = process.table.levels(.epsilon)
      let z = try process.sample(
        noise: [1], stepNoise: { _ in [0] },
        network: { z, time in z.map { Self.ideal(.epsilon, $0, levels[Int(time)]) } })
      func spread(_ level: NoiseLevel) -> Double {
        (level.signal * level.signal * 0.25 + level.noise * level.noise).squareRoot()
      }
      return abs(Double(z[0]) - spread(levels[steps]) / spread(levels[0]))
    }
    let found = try error(20) / error(40)
    #expect(abs(log2(found) - log2(ratio)) < 0.35, "\(found)")
  }

  /// Methods that add noise keep the marginals: at the end the data's deviation.
  @Test(arguments: [
    (SamplingMethod.eulerAncestral, PredictionType.epsilon), (.eulerAncestral, .v),
    (.sdeDPMSolverPlusPlus, .epsilon), (.sdeDPMSolverPlusPlus, .v), (.ddim, .epsilon),
  ])
  func stochasticSamplersReachTheData(
    _ method: SamplingMethod, _ prediction: PredictionType
  ) throws {
    let noise = SampleRandom.normals(count: 4096, seed: 9, step: 0, sample: 0, stream: .picture)
    let found = try Self.walk(
      method, prediction, TableSettings(steps: 100, spacing: .trailing),
      zeroSNR: prediction == .v, noise: noise, eta: 1, seed: 9)
    let (mean, variance) = moments(found)
    // Standard errors: 0.5 / 64 = 0.008 and 0.25 sqrt(2 / 4096) = 0.0055: four of each, and 0.01 for
    // the steps' error.
    #expect(abs(mean) < 0.032)
    #expect(abs(variance - 0.25) < 0.032)
  }

  @Test func stepNoiseIsUnitNormalAndKeyed() {
    let shape = BatchShape(samples: 2, height: 64, width: 64, contextWidth: 1, pooledWidth: 1)
    let first = SamplingProcess.stepNoise(seed: 3, step: 5, shape)
    let count = 2 * 64 * 64 * 4
    #expect(first.count == count)
    let (mean, variance) = moments(first)
    // Four standard errors of 1 / sqrt(count) and sqrt(2 / count).
    #expect(abs(mean) < 4 / Double(count).squareRoot())
    #expect(abs(variance - 1) < 4 * (2 / Double(count)).squareRoot())
    #expect(SamplingProcess.stepNoise(seed: 3, step: 5, shape) == first)
    let half = count / 2
    let others = [
      Array(first[half...]),
      Array(SamplingProcess.stepNoise(seed: 3, step: 6, shape)[..<half]),
      Array(SamplingProcess.stepNoise(seed: 4, step: 5, shape)[..<half]),
      SampleRandom.normals(count: half, seed: 3, step: 5, sample: 0, stream: .picture),
    ]
    for other in others {
      let product = zip(first, other).reduce(0.0) { $0 + Double($1.0 * $1.1) } / Double(half)
      #expect(abs(product) < 4 / Double(half).squareRoot())
    }
    // One sample's noise does not depend on the batch.
    var single = shape
    single.samples = 1
    #expect(SamplingProcess.stepNoise(seed: 3, step: 5, single) == Array(first[..<half]))
  }

  /// From pure noise exactly, every method that has v-prediction gives numbers, near those from 20000.
  @Test(arguments: SamplingMethod.allCases)
  func theInfiniteStepIsTheLimit(_ method: SamplingMethod) throws {
    let exact = try Self.walk(
      method, .v, TableSettings(steps: 8, terminalSigma: .infinity), zeroSNR: true,
      noise: [1, -2, 0.5, 0], eta: nil)
    let near = try Self.walk(
      method, .v, TableSettings(steps: 8, terminalSigma: 2e6), zeroSNR: true,
      noise: [1, -2, 0.5, 0], eta: nil)
    for (a, b) in zip(exact, near) {
      #expect(a.isFinite)
      #expect(abs(a - b) < 0.02 * max(abs(a), 0.1), "\(a) \(b)")
    }
  }

  @Test func zeroEtaAddsNothing() throws {
    let settings = TableSettings(steps: 10)
    for (method, plain) in [
      (SamplingMethod.eulerAncestral, SamplingMethod.euler),
      (.sdeDPMSolverPlusPlus, .dpmSolverPlusPlus),
    ] {
      let noise: [Float] = [1, -2, 0.5, 0]
      let quiet = try Self.walk(method, .epsilon, settings, noise: noise, eta: 0)
      #expect(
        relativeError(
          quiet.map(Double.init),
          try Self.walk(plain, .epsilon, settings, noise: noise).map(Double.init)) < 1e-6)
      #expect(quiet != (try Self.walk(method, .epsilon, settings, noise: noise)))
    }
  }

  @Test func flowRefusesWhatItDoesNotHave() {
    for method in SamplingMethod.allCases {
      let isSupported = [.euler, .heun, .dpmSolverPlusPlus].contains(method)
      #expect(((try? method.requireSupport(of: .flow, place: "here")) != nil) == isSupported)
      #expect((try? method.requireSupport(of: .v, place: "here")) != nil)
    }
  }

  @Test func guidanceExtrapolatesAndRescales() {
    #expect(guided([3], [1], scale: 2) == [5])
    #expect(guided([3], [1], scale: 1) == [3])
    // Guided (4, -2), deviation 3; conditional (2, -1), deviation 1.5: factor 0.5 at full rescale.
    let (conditional, unconditional): ([Float], [Float]) = ([2, -1], [0, 0])
    #expect(guided(conditional, unconditional, scale: 2, rescale: 1) == [2, -1])
    let partly = guided(conditional, unconditional, scale: 2, rescale: 0.7)
    #expect(abs(partly[0] - 4 * (0.7 * 0.5 + 0.3)) < 1e-6)
    #expect(guided([0], [0], scale: 2, rescale: 1) == [0])
  }

  /// diffusers 0.42.1, `rescale_noise_cfg(u + 6 (c - u), c, 0.7)` on the tensors of this formula.
  @Test func rescaledGuidanceIsDiffusers() {
    func inputs(_ name: String) -> [Float] { SyntheticTensors.inputs(name, shape: [1, 2, 2, 2]) }
    let expected = [
      1.617123238, 5.344312112, 6.643542415, -0.883956437, -1.575328889, 3.188652229, 0.910994004,
      -1.852466615,
    ]
    let found = guided(inputs("conditional"), inputs("unconditional"), scale: 6, rescale: 0.7)
    #expect(relativeError(found.map(Double.init), expected) < 1e-6)
  }

  /// Quantiles from scipy 1.17.1: scipy.stats.beta.ppf(p, 0.6, 0.6).
  @Test(arguments: [
    (0.0, 0.0), (0.001, 1.855873851745199e-05), (0.05, 0.012554456873611399),
    (0.25, 0.17568037865269498), (0.5, 0.5000000000000001), (0.8, 0.8770782495416671),
    (0.99, 0.9991387611784571), (1.0, 1.0),
  ])
  func betaQuantiles(_ probability: Double, _ quantile: Double) {
    #expect(abs(betaQuantile(probability, parameter: 0.6) - quantile) < 1e-12)
  }

  @Test func rampsUnderZeroTerminalSNRAreFinite() {
    let schedule = NoiseSchedule(zeroTerminalSNR: true)
    let table = SamplingTable(
      prediction: .v, schedule: schedule,
      TableSettings(
        steps: 10, spacing: .karras, terminalSigma: .infinity, rampMaximum: 14.6,
        beginsAtTerminal: true))
    #expect(table.timesteps.count == 10 && table.sigmas.count == 11)
    #expect(table.sigmas[0] == .infinity && table.timesteps[0] == 999)
    #expect(abs(table.sigmas[1] - 14.6) < 1e-9 && table.sigmas[10] == 0)
    #expect(abs(table.sigmas[9] / schedule.sigmas[0] - 1) < 1e-12)
    let plain = SamplingTable(
      prediction: .v, schedule: schedule, TableSettings(steps: 10, spacing: .exponential))
    #expect(abs(plain.sigmas[0] / schedule.largestFiniteSigma - 1) < 1e-12)
  }

  private func moments(_ values: [Float]) -> (mean: Double, variance: Double) {
    let mean = values.reduce(0) { $0 + Double($1) } / Double(values.count)
    let variance =
      values.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(values.count)
    return (mean, variance)
  }
}
