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
    /// Keys of the run's configuration, as `--set` takes them.
    var set: [String]
  }

  enum CodingKeys: String, CodingKey, CaseIterable {
    case experiment, run, start, seeds, steps, arms, sigmas, bands, draws, pictures
    case measureEvery = "measure_every"
    case samplerSteps = "sampler_steps"
    case referenceSteps = "reference_steps"
    case baseSteps = "base_steps"
  }

  var experiment: Kind
  /// The configuration of `vkxl train` that all arms share, beside this file.
  var run: String
  var start: Start
  /// Each arm is trained once with each.
  var seeds: [Int]
  /// Updates of each run.
  var steps: Int
  var arms: [Arm]
  /// Noise over signal where the error of x0 is measured.
  var sigmas: [Double]?
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
  /// Updates that make the model which the arms start from.
  var baseSteps: Int?
  /// As it was named.
  var path = ""

  init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    experiment = try values.decode(Kind.self, forKey: .experiment)
    run = try values.decode(String.self, forKey: .run)
    start = try values.decodeIfPresent(Start.self, forKey: .start) ?? .checkpoint
    seeds = try values.decode([Int].self, forKey: .seeds)
    steps = try values.decode(Int.self, forKey: .steps)
    arms = try values.decode([Arm].self, forKey: .arms)
    sigmas = try values.decodeIfPresent([Double].self, forKey: .sigmas)
    bands = try values.decodeIfPresent(Int.self, forKey: .bands)
    draws = try values.decodeIfPresent(Int.self, forKey: .draws)
    pictures = try values.decodeIfPresent(Int.self, forKey: .pictures)
    measureEvery = try values.decodeIfPresent(Int.self, forKey: .measureEvery)
    samplerSteps = try values.decodeIfPresent([Int].self, forKey: .samplerSteps)
    referenceSteps = try values.decodeIfPresent(Int.self, forKey: .referenceSteps)
    baseSteps = try values.decodeIfPresent(Int.self, forKey: .baseSteps)
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
    try require(!seeds.isEmpty && seeds.allSatisfy { $0 >= 0 }, .seeds, "seeds from 0")
    try require(!arms.isEmpty, .arms, "at least one arm")
    try require(Set(arms.map(\.name)).count == arms.count, .arms, "names that differ")
    try require(steps > 0, .steps, "at least one step")
    try require(
      (sigmas ?? []).allSatisfy { $0 > 0 && $0.isFinite }, .sigmas, "noise levels above 0")
    try require((samplerSteps ?? []).allSatisfy { 1...1000 ~= $0 }, .samplerSteps, "1 to 1000")
    let counts: [(Int?, CodingKeys)] = [
      (bands, .bands), (draws, .draws), (pictures, .pictures), (measureEvery, .measureEvery),
      (referenceSteps, .referenceSteps), (baseSteps, .baseSteps),
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
