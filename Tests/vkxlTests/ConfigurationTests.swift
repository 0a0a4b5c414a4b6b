import Foundation
import Graph
import Testing

@testable import vkxl

/// A configuration with the required keys only, and what a test adds to a section.
func minimalYAML(
  _ additions: [String: String] = [:], objective: String = "flow", steps: String = "max_steps: 100"
) -> String {
  let base = [
    "model": "checkpoint: base.safetensors", "data": "folder: images", "training": steps,
    "objective": "type: \(objective)",
  ]
  return ConfigurationSection.all.map(\.name).compactMap { section in
    let lines = [base[section], additions[section]].compactMap { $0 }
    guard !lines.isEmpty else { return nil }
    let body = lines.joined(separator: "\n").split(separator: "\n").map { "  \($0)\n" }.joined()
    return "\(section):\n" + body
  }.joined()
}

/// The errors of a configuration that must not load.
func configurationErrors(_ yaml: String, overrides: [String] = []) -> [InputError] {
  do {
    _ = try Configuration.parse(yaml, file: "/runs/run.yaml", overrides: overrides)
    return []
  } catch let error as InputErrors {
    return error.errors
  } catch {
    return [InputError("unexpected", expected: "InputErrors", found: "\(error)")]
  }
}

@Suite struct ConfigurationTests {
  @Test func requiredKeysAloneGiveTheDefaults() throws {
    let configuration = try Configuration.parse(minimalYAML(), file: "/runs/run.yaml")
    #expect(configuration.model.checkpoint == "/runs/base.safetensors")
    #expect(configuration.model.textEncoders == .checkpoint)
    #expect(configuration.data.folder == "/runs/images")
    #expect(configuration.data.resolution == 1024)
    #expect(configuration.data.bucketSides == nil)
    #expect(configuration.training.maxSteps == 100)
    #expect(configuration.training.epochs == nil)
    #expect(configuration.objective.type == .flow)
    #expect(configuration.objective.resolvedTimestepSampling == .logitNormal)
    #expect(configuration.optimizer.betas == nil)
    #expect(configuration.optimizer.resolvedBetas == Betas(first: 0.9, second: 0.999))
    #expect(configuration.output.folder == "/runs/output")
    #expect(configuration.cacheFolder == "/runs/output/cache")
    #expect(configuration.runName == "run")
    #expect(configuration.device.name == nil)
  }

  @Test func everyStoredFieldHasExactlyOneKey() {
    let configuration = Configuration()
    let sections = Mirror(reflecting: configuration).children.filter { $0.label != "source" }
    #expect(
      sections.compactMap(\.label) == ConfigurationSection.all.map(\.name),
      "sections of the structure and of the table, in order")
    for section in sections {
      let fields = Mirror(reflecting: section.value).children.count
      let keys = ConfigurationKey<Configuration>.all.filter { $0.section == section.label }
      #expect(keys.count == fields, "section \(section.label ?? "")")
    }
    let fields = Mirror(reflecting: SampleSettings()).children.compactMap(\.label)
    #expect(ConfigurationKey<SampleSettings>.sampleKeys.map(\.path) == fields)
    let paths = ConfigurationKey<Configuration>.all.map(\.path)
    #expect(Set(paths).count == paths.count)
  }

  @Test func everyKeyWritesItsOwnField() {
    let keys = ConfigurationKey<Configuration>.all
    for (index, key) in keys.enumerated() {
      guard let changed = Self.otherValue(of: key) else {
        Issue.record("\(key.path) has no other value")
        continue
      }
      var configuration = Configuration()
      let before = keys.map { $0.read(configuration) }
      key.write(&configuration, changed)
      #expect(key.read(configuration) == changed, "\(key.path)")
      let different = zip(keys, before).filter { $0.read(configuration) != $1 }.map(\.0.path)
      #expect(different == (changed == before[index] ? [] : [key.path]))
    }
  }

  /// A valid value that differs from the empty configuration's.
  private static func otherValue(
    of key: ConfigurationKey<Configuration>
  ) -> ConfigurationValue? {
    let current = key.read(Configuration())
    switch key.kind {
    case .boolean: return .boolean(current != .boolean(true))
    case .integer: return .integer(17)
    case .number, .numberOrWord: return .number(0.25)
    case .text, .path, .pathOrWord: return .text("/elsewhere")
    case .choice(let words):
      // A choice of one cannot differ; it must at least write itself.
      return words.map(ConfigurationValue.text).first { $0 != current || words.count == 1 }
    case .byteCountOrWord: return .text("12GiB")
    case .pair: return .list([.number(0.5), .number(0.75)])
    case .samples: return [SampleSettings(prompt: "x")].configurationValue
    }
  }

  @Test(arguments: ["1e-4", "1E-4", "0.0001", "1.0e-4", ".0001", "+1e-4", "100e-6"])
  func everySpellingOfANumber(_ text: String) throws {
    let yaml = minimalYAML(["optimizer": "learning_rate: \(text)"])
    let configuration = try Configuration.parse(yaml, file: "run.yaml")
    #expect(abs(configuration.optimizer.learningRate - 1e-4) < 1e-19)
  }

  @Test(arguments: ["nan", ".inf", "1e999", "0x1p-4", "fast", "[1]", "{a: 1}", "'1e-4'", "1e-4 x"])
  func notANumber(_ text: String) {
    let errors = configurationErrors(minimalYAML(["optimizer": "learning_rate: \(text)"]))
    #expect(errors.count == 1)
    #expect(errors.first?.expected == "a number above 0")
  }

  @Test func samplesAsPromptsAndMappings() throws {
    let samples = """
      samples:
        - a red circle
        - prompt: "yes: it's a \\"box\\""
          negative: blurry
          width: 640
          height: 512
          steps: 5
          guidance: 1.5
          seed: 9
        - 2024
      """
    let configuration = try Configuration.parse(
      minimalYAML(["output": samples]), file: "run.yaml")
    #expect(
      configuration.output.samples == [
        SampleSettings(prompt: "a red circle", steps: 28, guidance: 5),
        SampleSettings(
          prompt: "yes: it's a \"box\"", negative: "blurry", width: 640, height: 512, steps: 5,
          guidance: 1.5, seed: 9),
        SampleSettings(prompt: "2024", steps: 28, guidance: 5),
      ])
  }

  @Test func wordsBesideNumbersAndPaths() throws {
    let yaml = minimalYAML([
      "model": "text_encoders: synthetic:tiny", "objective": "shift: resolution",
    ])
    let configuration = try Configuration.parse(yaml, file: "run.yaml")
    #expect(configuration.model.textEncoders == .synthetic(size: "tiny"))
    #expect(configuration.objective.shift == .resolution)
    let fixed = try Configuration.parse(
      minimalYAML(["model": "text_encoders: clip.safetensors", "objective": "shift: 2.5"]),
      file: "/runs/run.yaml")
    #expect(fixed.model.textEncoders == .file("/runs/clip.safetensors"))
    #expect(fixed.objective.shift == .fixed(2.5))
  }

  @Test func overridesReplaceTheFile() throws {
    let yaml = minimalYAML(["data": "resolution: wrong"])
    let configuration = try Configuration.parse(
      yaml, file: "/runs/run.yaml",
      overrides: [
        "data.resolution=512", "optimizer.betas=[0.8, 0.9]", "data.folder=my images: [1]",
        "training.max_steps=null", "training.epochs=3", "output.samples=[one, {prompt: two}]",
        "training.seed=1", "training.seed=2",
      ])
    #expect(configuration.data.resolution == 512)
    #expect(configuration.optimizer.betas == Betas(first: 0.8, second: 0.9))
    let current = FileManager.default.currentDirectoryPath
    #expect(configuration.data.folder == current + "/my images: [1]")
    #expect(configuration.training.maxSteps == nil)
    #expect(configuration.training.epochs == 3)
    #expect(configuration.output.samples.map(\.prompt) == ["one", "two"])
    #expect(configuration.training.seed == 2)
  }

  @Test func pathsCountFromTheFileFolder() throws {
    let yaml = """
      model: {checkpoint: ../models/base.safetensors}
      data: {folder: ~/images, cache_folder: /cache}
      training: {epochs: 1}
      objective: {type: v}
      """
    let configuration = try Configuration.parse(yaml, file: "/runs/a/run.v2.yaml")
    let home = FileManager.default.homeDirectoryForCurrentUser.path
    #expect(configuration.model.checkpoint == "/runs/models/base.safetensors")
    #expect(configuration.data.folder == home + "/images")
    #expect(configuration.cacheFolder == "/cache")
    #expect(configuration.runName == "run.v2")
    #expect(configuration.objective.resolvedTimestepSampling == .uniform)
  }

  @Test func effectiveConfigurationReadsBackTheSame() throws {
    let samples = "samples: [plain, {prompt: 'null', negative: \"a: b\\n\\u0007#\", seed: 3}, '']"
    let yaml = minimalYAML(
      [
        "objective": "zero_terminal_snr: true", "output": samples,
        "optimizer": "learning_rate: 3.3e-5\nbetas: [0.5, 0.25]", "data": "resolution: 512",
        "device": "name: 'true'",
      ], objective: "v")
    let configuration = try Configuration.parse(yaml, file: "/runs/run.yaml")
    let text = configuration.yamlText
    let again = try Configuration.parse(text, file: "/elsewhere/effective.yaml")
    for key in ConfigurationKey<Configuration>.all where key.path != "output.name" {
      #expect(key.read(again) == key.read(configuration), "\(key.path)")
    }
    #expect(again.runName == "run")
    #expect(again.yamlText == text)
    #expect(again.fingerprint == configuration.fingerprint)
  }

  @Test func fingerprintSeesWhatChangesResults() throws {
    func parsed(_ overrides: [String]) throws -> Configuration {
      try Configuration.parse(minimalYAML(), file: "/runs/run.yaml", overrides: overrides)
    }
    let base = try parsed([])
    #expect(base.fingerprint.count == 16)
    let free = try parsed([
      "output.keep=9", "device.name=1", "data.folder=/moved", "training.max_steps=200",
    ])
    #expect(free.fingerprint == base.fingerprint)
    #expect(free.differences(fromCanonicalText: base.canonicalText) == [])
    let changed = try parsed(["training.batch_size=2", "optimizer.scheduler=cosine"])
    #expect(changed.fingerprint != base.fingerprint)
    #expect(
      changed.differences(fromCanonicalText: base.canonicalText) == [
        "training.batch_size was 1, is now 2", "training.max_steps was not set, is now 100",
        "training.epochs was not set, is now null",
        "optimizer.scheduler was constant, is now cosine",
      ])
    let longer = try parsed(["optimizer.scheduler=cosine", "training.max_steps=200"])
    let cosine = try parsed(["optimizer.scheduler=cosine"])
    #expect(longer.fingerprint != cosine.fingerprint)
  }
}
