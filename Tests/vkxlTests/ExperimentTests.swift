import Foundation
import Graph
import Model
import Testing
import Train

@testable import vkxl

/// `vkxl experiment`: its file, its measures, and the command on the quickstart's model.
@Suite(.serialized) struct ExperimentTests {
  private static let minimal = """
    experiment: convergence
    run: run.yaml
    seeds: [1, 2]
    steps: 4
    arms:
      - {name: flow, set: []}
    """

  /// A folder with some pictures and the `run.yaml` that trains on them.
  static func folderWithRun(
    pictures: Int, heldOut: Double, batchSize: Int, data: String = "data", side: Int = 64
  ) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try Example.copyPictures(pictures, to: folder.path + "/data")
    let run = """
      model: {checkpoint: \(Example.base), text_encoders: synthetic:tiny}
      data: {folder: \(data), resolution: \(side), buckets: false, validation_fraction: \(heldOut)}
      training: {batch_size: \(batchSize), max_steps: 4}
      objective: {type: flow}
      """
    try run.write(toFile: folder.path + "/run.yaml", atomically: true, encoding: .utf8)
    return folder
  }

  /// The smallest experiment on a folder's run.
  static func stage(in folder: TemporaryFolder) throws -> ExperimentStage {
    let file = try ExperimentFile.parse(minimal, path: folder.path + "/experiment.yaml")
    return try ExperimentStage(file, Opening.backend(nil, validate: false)) { _ in }
  }

  @Test func everyCommittedExperimentIsRead() throws {
    let root = URL(fileURLWithPath: Example.folder).deletingLastPathComponent()
    let folder = root.appendingPathComponent("Experiments")
    var kinds: Set<ExperimentFile.Kind> = []
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
      let path = "\(folder.path)/\(name)/experiment.yaml"
      guard FileManager.default.fileExists(atPath: path) else { continue }
      let file = try ExperimentFile.load(path)
      kinds.insert(file.experiment)
      for arm in file.arms {
        let set = arm.set + ["training.max_steps=\(file.steps)"]
        _ = try Configuration.load(file: "\(file.folder)/\(file.run)", overrides: set)
      }
    }
    #expect(kinds == Set(ExperimentFile.Kind.allCases))
  }

  @Test(arguments: [
    ("seed: 1", "seed", "a key that experiments do not have"),
    ("sigmas: [0]", "sigmas", "something else"),
    ("pictures: 0", "pictures", "something else"),
    ("sampler_steps: [5, 1001]", "sampler_steps", "something else"),
    ("reference_steps: 1001", "reference_steps", "something else"),
    ("marks: [0.1, 0.2]", "marks", "something else"),
    ("bases: [{name: a, steps: 0, set: []}]", "bases", "something else"),
  ])
  func mistakesAreNamed(line: String, key: String, found: String) throws {
    let error = try #require(throws: InputError.self) {
      try ExperimentFile.parse(Self.minimal + "\n" + line, path: "e.yaml")
    }
    #expect(error.place == "e.yaml: \(key)" && error.found == found)
  }

  @Test func missingAndWrongValuesAreNamed() throws {
    let missing = try #require(throws: InputError.self) {
      try ExperimentFile.parse("experiment: convergence", path: "e.yaml")
    }
    #expect(missing.found == "no `run`")
    let unknown = try #require(throws: InputError.self) {
      try ExperimentFile.parse(
        Self.minimal.replacingOccurrences(of: "convergence", with: "speed"), path: "e.yaml")
    }
    #expect(unknown.found.contains("experiment"))
    for (old, new, key) in [
      ("[1, 2]", "[1, 1]", "seeds"), ("name: flow,", "name: flow, base: none,", "arms"),
    ] {
      let error = try #require(throws: InputError.self) {
        try ExperimentFile.parse(
          Self.minimal.replacingOccurrences(of: old, with: new), path: "e.yaml")
      }
      #expect(error.place == "e.yaml: \(key)")
    }
    let file = try ExperimentFile.parse(Self.minimal, path: "e.yaml")
    let needed = try #require(throws: InputError.self) { try file.required(file.bands, .bands) }
    #expect(needed.place == "e.yaml: bands" && needed.expected.contains("convergence"))
  }

  @Test func intervalsAreStudents() {
    let three = MeasuredMean([1, 2, 3])
    #expect(three.mean == 2 && abs(three.interval - 4.303 / 3.0.squareRoot()) < 2e-3)
    #expect(MeasuredMean([4]).text == "4" && MeasuredMean([0.02, 0.02]).text == "0.02 ± 0")
    // 2.228 for ten degrees of freedom, 2.042 for thirty.
    let eleven = MeasuredMean((0..<11).map { Double($0) })
    #expect(abs(eleven.interval - 2.228 * (11.0 / 11).squareRoot()) < 0.04)
    #expect(abs(MeasuredMean([Double](repeating: 0, count: 30) + [31]).interval - 2.042) < 5e-3)
  }

  @Test func slicedWassersteinOfKnownSets() {
    #expect(slicedWasserstein([[0], [1]], [[1], [0]]) == 0)
    #expect(abs(slicedWasserstein([[0], [1]], [[0.5]]) - 0.5) < 1e-6)
    #expect(abs(slicedWasserstein([[0], [1], [2]], [[3], [4], [5]]) - 3) < 1e-6)
    // Moved by d in n dimensions: |d| / sqrt(n) on average over directions.
    let set = (0..<40).map { (index: Int) -> [Float] in
      (0..<16).map { Float(($0 * 7 + index * 13) % 11) }
    }
    let moved = set.map { $0.map { $0 + 2 } }
    let distance = slicedWasserstein(set, moved, directions: 4096)
    #expect(abs(distance - 2) < 0.05, "\(distance)")
  }

  @Test func blockMeansKeepChannelsApart() {
    let values = (0..<64).flatMap { (pixel: Int) -> [Float] in
      [pixel % 8 < 4 ? 1 : 3, Float(pixel / 32)]
    }
    #expect(ResolutionExperiment.blockMeans(values, side: 8) == [1, 0, 3, 0, 1, 1, 3, 1])
  }

  /// The figures of the leaky mean: N = 128^2, tau .3.
  @Test(arguments: [(14.6146, 0.065), (4096, 0.991), (20000, 0.998)])
  func closedFormOfBrightness(sigmaMax: Double, reached: Double) {
    let mean = BrightnessExperiment.CaptionMean(
      caption: "", direction: [1, 0, 0, 0],
      weights: [Double](repeating: 0x1p-14, count: 128 * 128), length: 1, spread: 0.3)
    #expect(abs(mean.reached(sigmaMax: sigmaMax) - reached) < 6e-4)
    #expect(mean.reached(sigmaMax: .infinity) == 1)
  }

  /// An ideal network through the sampler reaches what the closed form says: with many steps, because
  /// Euler's steps fall short of the path by their length.
  @Test func idealNetworkFollowsTheClosedForm() throws {
    let mean = BrightnessExperiment.CaptionMean(
      caption: "", direction: [0.6, 0.8, 0, 0],
      weights: (0..<2048).map { $0 % 32 < 16 ? -0x1p-10 : 0x1p-10 }, length: 1.2, spread: 0.6)
    for (prediction, isRescaled) in [
      (PredictionType.epsilon, false), (.v, false), (.v, true), (.flow, false),
    ] {
      let schedule = NoiseSchedule(zeroTerminalSNR: isRescaled)
      let table = SamplingTable(
        prediction: prediction, schedule: schedule, TableSettings(steps: 1000, spacing: .trailing))
      let reached = try BrightnessExperiment.idealReached(
        mean, prediction, SamplingProcess(prediction: prediction, table: table))
      let sigmaMax = prediction == .flow ? .infinity : table.sigmas[0]
      let expected = mean.reached(sigmaMax: sigmaMax)
      #expect(abs(reached - expected) < 0.02, "\(prediction): \(reached), \(expected)")
    }
  }

  @Test func captionMeansAreAlongTheirDirection() {
    let latents = [Float(1), 2, 3].map { (level: Float) -> [Float] in
      (0..<4).flatMap { (pixel: Int) -> [Float] in
        [level * 3 + Float(pixel) - 1.5, level * 4, 0, 0]
      }
    }
    let mean = BrightnessExperiment.CaptionMean("", latents)
    #expect(abs(mean.length - 10) < 1e-9 && abs(mean.pixelCount - 4) < 1e-12)
    #expect(abs(mean.spread - 5 * (2.0 / 3).squareRoot()) < 1e-9)
    #expect(abs(mean.position(latents[2]) - 15) < 1e-6)
    // Right less left: 1 in the first channel, whatever the level.
    let halves = BrightnessExperiment.CaptionMean("", latents, comparesHalves: true)
    #expect(abs(halves.length - 1) < 1e-9 && abs(halves.spread) < 1e-9)
    #expect(abs(halves.pixelCount - 1) < 1e-12)
    let quantiles = PlainPictures.normalQuantiles
    let square = quantiles.reduce(0) { $0 + $1 * $1 } / Double(quantiles.count)
    #expect(abs(quantiles.reduce(0, +)) < 1e-9 && abs(square - 1) < 0.06)
  }

  /// A network whose output is 0 says x0 = (factor) z, whose error is known: with a, s of the input,
  ///
  ///     epsilon   z / a          s^2 / a^2 e^2
  ///     v         a z            ((a^2 - 1) x0 + a s e)^2
  ///     flow      z              t^2 (e - x0)^2
  @Test(arguments: [0.3, 3, 200])
  func errorOfANetworkWithoutOutput(sigma: Double) async throws {
    let folder = try Self.folderWithRun(pictures: 12, heldOut: 0.5, batchSize: 4)
    let arms = [
      ("epsilon", ["objective.type=epsilon"]), ("v", ["objective.type=v"]), ("flow", []),
    ].map { ExperimentFile.Arm(name: $0, set: $1) }
    let stage = try Self.stage(in: folder)
    for arm in arms {
      let run = try await ExperimentRun(stage, arm, seed: 0, steps: 4)
      for name in ["weight", "bias"].map({ "model.diffusion_model.out.2." + $0 }) {
        let variable = try #require(run.trainer.parameters.first { $0.name == name })
        try run.trainer.store.write(TensorData(zeros: variable.type), to: name)
      }
      let (a2, t) = (1 / (1 + sigma * sigma), sigma / (1 + sigma))
      let factors: (Double, Double) =  // of x0 and of the noise, in the estimate's error
        switch arm.name {
        case "epsilon": (0, sigma)
        case "v": (a2 - 1, (a2 * (1 - a2)).squareRoot())
        default: (-t, t)
        }
      let expected = try Self.meanSquare(try #require(run.heldOut), factors)
      let found = try run.cleanErrors(sigmas: [sigma])[0]
      #expect(abs(found / expected - 1) < 1e-4, "\(arm.name): \(found), \(expected)")
    }
  }

  /// Of `factors.0 x0 + factors.1 e`, with the noise e of the first level.
  private static func meanSquare(
    _ data: TrainingData, _ factors: (Double, Double)
  ) throws -> Double {
    var (sum, count) = (0.0, 0)
    for index in 0..<data.order.stepsPerEpoch {
      let (batch, samples) = try data.heldOutBatch(at: index)
      var single = batch.shape
      single.samples = 1
      let noise = samples.flatMap {
        SamplingProcess.stepNoise(seed: UInt64($0), step: 1000, single)
      }
      for (x0, e) in zip(batch.latents, noise) {
        let value = factors.0 * Double(x0) + factors.1 * Double(e)
        sum += value * value
        count += 1
      }
    }
    return sum / Double(count)
  }

  /// A short one of each way to measure, through the command line.
  @Test(arguments: [
    "convergence", "gradient_stability", "sigma_spacing", "resolution", "switching",
  ])
  func commandWritesTablesAndPlot(kind: String) async throws {
    let folder = try Self.folderWithRun(pictures: 8, heldOut: 0.3, batchSize: 2)
    let experiment = """
      experiment: \(kind)
      run: run.yaml
      seeds: [1, 2]
      steps: 2
      measure_every: 1
      sigmas: [0.5, 5]
      pictures: 2
      sampler_steps: [2]
      reference_steps: 4
      marks: [1e9, 1e-9]
      bands: 2
      draws: 2
      bases:
        - {name: base, steps: 1, set: [objective.type=epsilon]}
      arms:
        - {name: first arm, base: base, set: [objective.type=v, objective.zero_terminal_snr=true]}
        - {name: second arm, set: [objective.type=epsilon]}
      """
    let file = folder.path + "/experiment.yaml"
    try experiment.write(toFile: file, atomically: true, encoding: .utf8)
    let outcome = await command(["experiment", file])
    try #require(outcome.status == 0, "\(outcome.errors)")
    let results = try String(contentsOfFile: folder.path + "/results.md", encoding: .utf8)
    #expect(results.contains("| first arm |") || results.contains("first arm: mean"))
    #expect(!results.contains("nan") && !results.contains("| - |"))
    #expect(FileManager.default.fileExists(atPath: folder.path + "/plot.png"))
    // The same figures again, but for how long it took.
    #expect(await command(["experiment", file]).status == 0)
    let again = try String(contentsOfFile: folder.path + "/results.md", encoding: .utf8)
    func figures(_ text: String) -> [Substring] {
      text.split(separator: "\n").filter { !$0.hasPrefix("Took ") }
    }
    #expect(figures(again) == figures(results))
  }

  /// Logarithms are straight between measurements: from 1 to 0.01 in 10 steps, 0.1 is half way.
  @Test func stepsToAMark() {
    func steps(_ mark: Double, _ values: [Double]) -> Double? {
      ConvergenceExperiment.steps(to: mark, values, at: [0, 10, 20])
    }
    #expect(abs((steps(0.1, [1, 0.01, 0.001]) ?? 0) - 5) < 1e-9)
    #expect(abs((steps(0.1, [1, 1, 0.001]) ?? 0) - (10 + 10.0 / 3)) < 1e-9)
    #expect(steps(2, [1, 0.5, 0.2]) == 0 && steps(0.1, [1, 0.5, 0.2]) == nil)
  }

  /// More pictures than the data has are refused, not cut.
  @Test func tooManyPicturesAreRefused() async throws {
    let folder = try Self.folderWithRun(pictures: 6, heldOut: 0, batchSize: 2)
    let file = folder.path + "/experiment.yaml"
    let text = Self.minimal.replacingOccurrences(of: "convergence", with: "sigma_spacing")
    try (text + "\npictures: 7\nsampler_steps: [2]\nreference_steps: 4")
      .write(toFile: file, atomically: true, encoding: .utf8)
    let outcome = await command(["experiment", file])
    #expect(outcome.status != 0 && outcome.errors.contains("at most 6"), "\(outcome.errors)")
  }

  /// The experiment's own pictures, at its own side: the closed form tells epsilon and flow apart there.
  @Test func brightnessTellsSchedulesApart() async throws {
    let folder = try Self.folderWithRun(
      pictures: 1, heldOut: 0, batchSize: 2, data: "pictures", side: 128)
    let experiment = """
      experiment: brightness
      run: run.yaml
      seeds: [1]
      steps: 1
      pictures: 2
      sampler_steps: [1]
      arms:
        - {name: epsilon, set: [objective.type=epsilon]}
        - {name: flow, set: []}
      """
    let file = folder.path + "/experiment.yaml"
    try experiment.write(toFile: file, atomically: true, encoding: .utf8)
    let outcome = await command(["experiment", file])
    try #require(outcome.status == 0, "\(outcome.errors)")
    let results = try String(contentsOfFile: folder.path + "/results.md", encoding: .utf8)
    func cells(_ start: String) throws -> [String] {
      let line = try #require(results.split(separator: "\n").first { $0.hasPrefix(start) })
      return line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
    }
    let (epsilon, flow) = (try cells("| epsilon | closed"), try cells("| flow | closed"))
    // Dusk and noon have the spread of the closed form's bound, the others none.
    for column in [2, 3, 6, 7] { #expect(epsilon[column] == "no spread") }
    for column in [4, 5] {
      #expect(try #require(Double(epsilon[column])) <= 0.3, "\(epsilon)")
      #expect(try #require(Double(flow[column])) == 1, "\(flow)")
    }
  }
}
