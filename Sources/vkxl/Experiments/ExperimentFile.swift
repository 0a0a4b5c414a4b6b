import Foundation
import Graph
import Yams

/// An experiment as its file describes it: what is compared, on which run, with which seeds.
struct ExperimentFile: Decodable, Sendable {
  /// What is measured.
  enum Kind: String, Decodable, CaseIterable, Sendable {
    case brightness
    case convergence
    case gradientStability = "gradient_stability"
    case sigmaSpacing = "sigma_spacing"
    case resolution
    case switching
  }

  /// What training starts from.
  enum Start: String, Decodable, CaseIterable, Sendable {
    /// The UNet of `model.checkpoint`.
    case checkpoint
    /// A UNet of its shape with the weights of `vkxl init`: no objective is at home in it.
    case synthetic
  }

  /// One of the things compared.
  struct Arm: Decodable, Sendable, Equatable {
    var name: String
    /// Name of the base whose weights it starts from; nil: what `start` says.
    var base: String?
    /// Keys of the run's configuration, as `--set` takes them.
    var set: [String]
  }

  /// A model trained before the arms that start from it, once, with seed 0.
  struct Base: Decodable, Sendable, Equatable {
    var name: String
    /// Updates.
    var steps: Int
    /// Keys of the run's configuration, as `--set` takes them.
    var set: [String]
  }

  enum CodingKeys: String, CodingKey, CaseIterable {
    case experiment, run, start, seeds, steps, bases, arms, sigmas, marks, bands, draws, pictures
    case measureEvery = "measure_every"
    case samplerSteps = "sampler_steps"
    case referenceSteps = "reference_steps"
  }

  var experiment: Kind
  /// The configuration of `vkxl train` that all arms share, beside this file.
  var run: String
  var start: Start
  /// Each arm is trained once with each.
  var seeds: [Int]
  /// Updates of each run.
  var steps: Int
  var bases: [Base]
  var arms: [Arm]
  /// Noise over signal where the error of x0 is measured.
  var sigmas: [Double]?
  /// Errors of x0, falling, to which updates are counted.
  var marks: [Double]?
  /// Equal parts of the timesteps.
  var bands: Int?
  /// Gradients of each band.
  var draws: Int?
  /// Pictures drawn for each measurement.
  var pictures: Int?
  /// Updates between measurements.
  var measureEvery: Int?
  /// Numbers of sampler steps.
  var samplerSteps: [Int]?
  /// Sampler steps of what others are compared with.
  var referenceSteps: Int?
  /// As it was named.
  var path = ""

  init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    experiment = try values.decode(Kind.self, forKey: .experiment)
    run = try values.decode(String.self, forKey: .run)
    start = try values.decodeIfPresent(Start.self, forKey: .start) ?? .checkpoint
    seeds = try values.decode([Int].self, forKey: .seeds)
    steps = try values.decode(Int.self, forKey: .steps)
    bases = try values.decodeIfPresent([Base].self, forKey: .bases) ?? []
    arms = try values.decode([Arm].self, forKey: .arms)
    sigmas = try values.decodeIfPresent([Double].self, forKey: .sigmas)
    marks = try values.decodeIfPresent([Double].self, forKey: .marks)
    bands = try values.decodeIfPresent(Int.self, forKey: .bands)
    draws = try values.decodeIfPresent(Int.self, forKey: .draws)
    pictures = try values.decodeIfPresent(Int.self, forKey: .pictures)
    measureEvery = try values.decodeIfPresent(Int.self, forKey: .measureEvery)
    samplerSteps = try values.decodeIfPresent([Int].self, forKey: .samplerSteps)
    referenceSteps = try values.decodeIfPresent(Int.self, forKey: .referenceSteps)
  }

  /// - Throws: `InputError`, naming the file and the key.
  static func load(_ path: String) throws -> ExperimentFile {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      throw InputError(
        path, expected: "the file of an experiment", found: "nothing that can be read",
        hint: "Experiments/ has them: vkxl experiment Experiments/convergence/experiment.yaml")
    }
    return try parse(text, path: path)
  }

  /// - Parameter path: what messages and the run's path refer to
  static func parse(_ text: String, path: String) throws -> ExperimentFile {
    do {
      let known = CodingKeys.allCases.map(\.rawValue)
      let names = try Yams.compose(yaml: text)?.mapping?.keys.compactMap(\.string) ?? []
      if let unknown = names.first(where: { !known.contains($0) }) {
        throw InputError(
          "\(path): \(unknown)", expected: "one of \(known.sorted().joined(separator: ", "))",
          found: "a key that experiments do not have")
      }
      var file = try YAMLDecoder().decode(ExperimentFile.self, from: text)
      file.path = path
      try file.check()
      return file
    } catch let error as DecodingError {
      throw InputError(path, expected: "an experiment", found: reason(error))
    } catch let error as YamlError {
      throw InputError(path, expected: "YAML", found: "\(error)")
    }
  }

  private static func reason(_ error: DecodingError) -> String {
    func name(_ path: [any CodingKey]) -> String {
      path.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
    }
    switch error {
    case .keyNotFound(let key, let context): return "no `\(name(context.codingPath + [key]))`"
    case .typeMismatch(_, let context), .valueNotFound(_, let context),
      .dataCorrupted(let context):
      let place = name(context.codingPath)
      return (place.isEmpty ? "" : "at `\(place)`: ") + context.debugDescription
    @unknown default: return "\(error)"
    }
  }

  private func check() throws {
    func require(_ holds: Bool, _ key: CodingKeys, _ expected: String) throws {
      guard !holds else { return }
      throw InputError("\(path): \(key.rawValue)", expected: expected, found: "something else")
    }
    try require(
      !seeds.isEmpty && seeds.allSatisfy { $0 >= 0 } && Set(seeds).count == seeds.count, .seeds,
      "seeds from 0 that differ")
    try require(!arms.isEmpty, .arms, "at least one arm")
    try require(Set(arms.map(\.name)).count == arms.count, .arms, "names that differ")
    try require(steps > 0, .steps, "at least one step")
    try require(Set(bases.map(\.name)).count == bases.count, .bases, "names that differ")
    try require(bases.allSatisfy { $0.steps > 0 }, .bases, "at least one step")
    let names = Set(bases.map(\.name))
    try require(
      arms.allSatisfy { $0.base.map(names.contains) ?? true }, .arms,
      names.isEmpty ? "no base where `bases` has none" : "bases that `bases` names")
    try require(
      (sigmas ?? []).allSatisfy { $0 > 0 && $0.isFinite }, .sigmas, "noise levels above 0")
    let steps = [
      (samplerSteps ?? [], CodingKeys.samplerSteps), ([referenceSteps ?? 1], .referenceSteps),
    ]
    for (counts, key) in steps {
      try require(counts.allSatisfy { 1...1000 ~= $0 }, key, "1 to 1000")
    }
    let marks = marks ?? []
    try require(
      marks.allSatisfy { $0 > 0 && $0.isFinite } && zip(marks, marks.dropFirst()).allSatisfy(>),
      .marks, "errors above 0, the largest first")
    let counts: [(Int?, CodingKeys)] = [
      (bands, .bands), (draws, .draws), (pictures, .pictures), (measureEvery, .measureEvery),
    ]
    for (count, key) in counts { try require((count ?? 1) > 0, key, "a number above 0") }
  }

  /// A setting that this kind of experiment needs.
  /// - Throws: `InputError` when the file does not give it.
  func required<Value>(_ value: Value?, _ key: CodingKeys) throws -> Value {
    if let value { return value }
    throw InputError(
      "\(path): \(key.rawValue)", expected: "a value, which \(experiment.rawValue) needs",
      found: "none")
  }

  /// The folder that holds it, where results go.
  var folder: String { URL(fileURLWithPath: path).deletingLastPathComponent().path }
}
