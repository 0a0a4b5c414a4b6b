import Foundation
import Graph
import Testing

@testable import vkxl

@Suite struct ConfigurationErrorTests {
  /// One mistake in one line, and what must be said about it; an empty hint is what the key means.
  struct Mistake: Sendable, CustomTestStringConvertible {
    var section: String
    var line: String
    var expected: String
    var hint: String
    var objective = "flow"
    var testDescription: String { "\(section): \(line)" }
  }

  static let mistakes = [
    Mistake(
      section: "training", line: "bach_size: 2", expected: "a key of the configuration",
      hint: "did you mean `training.batch_size`?"),
    Mistake(
      section: "training", line: "learning_rate: 2", expected: "a key of the configuration",
      hint: "`learning_rate` stands in section `optimizer`"),
    Mistake(
      section: "training", line: "train_batch_size: 2", expected: "a key of the configuration",
      hint: "did you mean `training.batch_size`?"),
    Mistake(
      section: "model", line: "learnig_rate: 2", expected: "a key of the configuration",
      hint: "did you mean `optimizer.learning_rate`?"),
    Mistake(
      section: "device", line: "xyzzyxyzzy: 2", expected: "a key of the configuration",
      hint: "`device` has name, validate, tune, kernels"),
    Mistake(
      section: "training", line: "batch_size: two", expected: "an integer from 1 to 4096",
      hint: ""),
    Mistake(
      section: "training", line: "batch_size: '2'", expected: "an integer from 1 to 4096",
      hint: "remove the quotes"),
    Mistake(
      section: "training", line: "batch_size: 2.5", expected: "an integer from 1 to 4096",
      hint: ""),
    Mistake(
      section: "training", line: "batch_size: 99999999999999999999",
      expected: "an integer from 1 to 4096", hint: ""),
    Mistake(
      section: "training", line: "batch_size: 0", expected: "an integer from 1 to 4096", hint: ""),
    Mistake(
      section: "data", line: "flip: treu", expected: "true or false", hint: "did you mean `true`?"),
    Mistake(
      section: "data", line: "caption_dropout: 1.5", expected: "a number from 0 to 1", hint: ""),
    Mistake(
      section: "data", line: "crop: centre", expected: "`center` or `random`",
      hint: "did you mean `center`?"),
    Mistake(section: "data", line: "cache_folder: ''", expected: "a path", hint: ""),
    Mistake(
      section: "model", line: "precision: bf61", expected: "`auto`, `f32`, `f16` or `bf16`",
      hint: "did you mean `bf16`?"),
    Mistake(
      section: "model", line: "text_encoders: synthetic:tyni",
      expected: "a path, or `same`, `synthetic:tiny`, `synthetic:odd` or `synthetic:full`",
      hint: "did you mean `synthetic:tiny`?"),
    Mistake(
      section: "objective", line: "shift: 0", expected: "a number above 0, or `resolution`",
      hint: ""),
    Mistake(
      section: "objective", line: "shift: resolutoin",
      expected: "a number above 0, or `resolution`", hint: "did you mean `resolution`?"),
    Mistake(
      section: "optimizer", line: "betas: [0.9, 1]",
      expected: "a list of two numbers from 0 to below 1", hint: ""),
    Mistake(
      section: "optimizer", line: "betas: [0.9]",
      expected: "a list of two numbers from 0 to below 1", hint: ""),
    Mistake(
      section: "optimizer", line: "type: [adamw]",
      expected: "`adamw`, `adamw8bit`, `adafactor`, `lion` or `prodigy`", hint: ""),
    Mistake(
      section: "optimizer", line: "type: adamw8bits",
      expected: "`adamw`, `adamw8bit`, `adafactor`, `lion` or `prodigy`",
      hint: "did you mean `adamw8bit`?"),
    Mistake(
      section: "optimizer", line: "state_dtype: f16", expected: "`f32` or `bf16`",
      hint: "did you mean `bf16`?"),
    Mistake(
      section: "optimizer", line: "decay_rate: 0.8", expected: "a number from -1 to below 0",
      hint: ""),
    Mistake(
      section: "optimizer", line: "clip_threshold: 2",
      expected: "this key only with `optimizer.type` `adafactor`",
      hint: "it would have no effect; remove it, or clear it with --set "
        + "optimizer.clip_threshold=null"),
    Mistake(
      section: "output", line: "samples: a cat",
      expected: "a list of prompts, or of mappings with a `prompt`",
      hint: "write `- prompt: ...` under it, one for each picture"),
    Mistake(
      section: "output", line: "samples: [{prompt: a, guidance_scale: 3}]",
      expected: "a key of a sample", hint: "did you mean `guidance`?"),
    Mistake(
      section: "output", line: "samples: [{seed: 1}]", expected: "a `prompt`",
      hint: "write `prompt: ...`"),
    Mistake(
      section: "output", line: "samples: [{prompt: a, steps: 0}]",
      expected: "an integer from 1 to 1000", hint: "Sampler steps."),
    Mistake(
      section: "output", line: "samples: [[a]]", expected: "a prompt or a mapping",
      hint: "as in `- {prompt: a red fox, seed: 1}`"),
    Mistake(
      section: "output", line: "samples: [{prompt: a, width: 100}]",
      expected: "a multiple of 8 (one latent pixel)", hint: "use 96 or 104"),
    // Between keys
    Mistake(
      section: "data", line: "resolution: 1000", expected: "a multiple of `data.bucket_step` (64)",
      hint: "use 960 or 1024"),
    Mistake(
      section: "data", line: "bucket_step: 12", expected: "a multiple of 8 (one latent pixel)",
      hint: "use 8 or 16"),
    Mistake(
      section: "data", line: "min_bucket_side: 2048",
      expected: "at most `data.resolution` (1024)", hint: ""),
    Mistake(
      section: "data", line: "max_bucket_side: 512",
      expected: "at least `data.resolution` (1024)", hint: ""),
    Mistake(
      section: "data", line: "caption_extension: .",
      expected: "an ending, as in `.txt`", hint: ""),
    Mistake(
      section: "training", line: "epochs: 3",
      expected: "either `training.max_steps` or `training.epochs`",
      hint: "remove one of them, or clear it with --set training.epochs=null"),
    Mistake(
      section: "optimizer", line: "warmup_steps: 101",
      expected: "at most `training.max_steps` (100)", hint: ""),
    Mistake(
      section: "objective", line: "zero_terminal_snr: true",
      expected: "false with `objective.type: epsilon`",
      hint: "at zero SNR the input is the noise itself, so epsilon has nothing to learn there; "
        + "use `objective.type: v`, or leave it out", objective: "epsilon"),
    Mistake(
      section: "objective", line: "zero_terminal_snr: true",
      expected: "false with `objective.type: flow`",
      hint: "flow already ends in pure noise and has no schedule to rescale; "
        + "use `objective.type: v`, or leave it out"),
    Mistake(
      section: "objective", line: "timestep_sampling: logit_normal",
      expected: "`uniform` or `karras` with `objective.type: v`",
      hint: "logit-normal times are for flow",
      objective: "v"),
    Mistake(
      section: "objective", line: "shift: 3",
      expected: "this key only with `objective.type: flow`",
      hint: "it would have no effect; remove it, or clear it with --set objective.shift=null",
      objective: "v"),
    Mistake(
      section: "objective", line: "shift_at_1024: 2",
      expected: "this key only with `objective.shift: resolution`",
      hint: "it would have no effect; remove it, or clear it with "
        + "--set objective.shift_at_1024=null"),
    Mistake(
      section: "objective", line: "huber_delta: 2",
      expected: "this key only with `objective.loss: huber`",
      hint: "it would have no effect; remove it, or clear it with "
        + "--set objective.huber_delta=null"),
    Mistake(
      section: "output", line: "sample_every: 10",
      expected: "0, or prompts in `output.samples` or `output.prompts`", hint: ""),
    Mistake(
      section: "output", line: "name: a/b",
      expected: "a file name without `/` that does not start with a dot",
      hint: "folders go in `output.folder`"),
    Mistake(
      section: "output", line: "folder: images/out", expected: "a folder outside `data.folder`",
      hint: "sample pictures written there would become training images"),
  ]

  @Test(arguments: mistakes) func mistake(_ mistake: Mistake) {
    let yaml = minimalYAML([mistake.section: mistake.line], objective: mistake.objective)
    let errors = configurationErrors(yaml)
    #expect(errors.count == 1, "\(errors)")
    #expect(errors.first?.expected == mistake.expected)
    let key = mistake.line.prefix { $0 != ":" }
    let summary =
      ConfigurationKey<Configuration>.all.first { $0.path == "\(mistake.section).\(key)" }?.summary
    #expect(errors.first?.hint == (mistake.hint.isEmpty ? summary : mistake.hint))
    let line = yaml.split(separator: "\n").firstIndex { $0 == "  " + mistake.line }
    let place = "/runs/run.yaml:\(1 + (line ?? -1))"
    // A problem of an item's side is told at the file, all others at the line.
    if !mistake.line.contains("width: 100") {
      #expect(errors.first?.place.hasPrefix(place) == true, "\(errors)")
    }
    #expect(errors.first?.description.split(separator: "\n").count ?? 0 <= 2)
  }

  @Test func allMistakesAtOnce() {
    let yaml = """
      modle:
        checkpoint: a
      data:
        folder: images
        resolution: big
        fold: 3
      training: fast
      objective:
        type: eps
      """
    let errors = configurationErrors(yaml, overrides: ["optimizer.lr=1e-4", "optimizer.eps"])
    #expect(
      errors.map(\.place) == [
        "/runs/run.yaml:1", "/runs/run.yaml:6", "/runs/run.yaml:7: training", "--set optimizer.lr",
        "--set optimizer.eps", "/runs/run.yaml:5: data.resolution",
        "/runs/run.yaml:9: objective.type", "/runs/run.yaml",
      ])
    #expect(errors.map(\.hint)[0] == "did you mean `model`?")
    #expect(errors.map(\.hint)[3] == "did you mean `optimizer.learning_rate`?")
    #expect(errors.map(\.hint)[6] == "did you mean `epsilon`?")
    #expect(errors.map(\.expected)[7] == "`model.checkpoint`")
  }

  @Test(arguments: [
    ("objective.type=flwo", "objective.type", "did you mean `flow`?"),
    ("objective.type=v_prediction", "objective.type", "did you mean `v`?"),
    ("objective.type=rectified-flow", "objective.type", "did you mean `flow`?"),
    ("training.batch_size=0", "training.batch_size", "Images in one micro-step."),
    ("output.samples=[{prompt: a, steps: 0}]", "output.samples[0].steps", "Sampler steps."),
  ])
  func overrideIsNamedOnce(_ override: String, _ key: String, _ hint: String) {
    let errors = configurationErrors(minimalYAML(), overrides: [override])
    #expect(errors.map(\.place) == ["--set \(key)"])
    #expect(errors.map(\.hint) == [hint])
  }

  @Test func prodigyWantsALearningRateOfOne() {
    let errors = configurationErrors(minimalYAML(["optimizer": "type: prodigy"]))
    #expect(errors.map(\.expected) == ["at least 0.01 with `optimizer.type: prodigy`"])
    #expect(errors.first?.hint.hasSuffix("use 1") == true)
    let good = minimalYAML(["optimizer": "type: prodigy\nlearning_rate: 1\nd_coef: 2"])
    #expect(configurationErrors(good).isEmpty)
  }

  @Test func keysOfOtherOptimizersAreRefused() {
    let errors = configurationErrors(
      minimalYAML([
        "optimizer": "type: adafactor\nbetas: [0.5, 0.9]\neps: 1e-6\nstate_dtype: bf16\n"
          + "weight_decay: 0\ndecay_norms_and_biases: false"
      ]))
    #expect(
      errors.map(\.expected) == [
        "this key only with `optimizer.type` `adamw` or `adamw8bit` or `lion` or `prodigy`",
        "this key only with `optimizer.type` `adamw` or `adamw8bit` or `prodigy`",
        "this key only with `optimizer.type` `adamw` or `lion`",
        "this key only with `optimizer.weight_decay` above 0",
      ])
  }

  @Test func keysWithoutSectionAreSentToTheirs() {
    let errors = configurationErrors("batch_size: 4\n" + minimalYAML())
    #expect(errors.map(\.hint) == ["did you mean `training.batch_size`?"])
    #expect(
      configurationErrors("lr: 4\n" + minimalYAML()).first?.hint
        == "did you mean `optimizer.learning_rate`?")
    #expect(
      configurationErrors("qqqqqqqq: 4\n" + minimalYAML()).first?.hint.hasPrefix(
        "sections are model, data") == true)
  }

  /// Text that is no configuration at all: the text, the place, a part of the message.
  static let broken: [(String, String, String)] = [
    ("", "/runs/run.yaml", "an empty file"),
    ("# only a comment\n", "/runs/run.yaml", "an empty file"),
    ("- a\n- b\n", "/runs/run.yaml:1", "found a list"),
    ("just text", "/runs/run.yaml:1", "found `just text`"),
    ("model:\n  checkpoint: [a\ndata: 3\n", "/runs/run.yaml:3", "expected valid YAML"),
    ("model:\n\tcheckpoint: a\n", "/runs/run.yaml:2", "spaces, not tabs"),
    ("model:\n  checkpoint: *nobody\n", "/runs/run.yaml:2", "undefined alias"),
    ("model:\n  a: 1\n---\nb: 1\n", "/runs/run.yaml:3", "another document"),
    (
      "model:\n  checkpoint: a\n  checkpoint: b\n", "/runs/run.yaml:2",
      "`checkpoint` more than once"
    ),
    ("data: {}\nmodel: {}\ndata: {}\n", "/runs/run.yaml:1", "`data` more than once"),
    ("model:\n  checkpoint: a\u{7}b\n", "/runs/run.yaml:2", "control characters"),
  ]

  @Test(arguments: broken) func brokenFile(_ text: String, _ place: String, _ part: String) {
    let errors = configurationErrors(text)
    #expect(errors.count == 1)
    #expect(errors.first?.place == place)
    #expect(errors.first?.description.contains(part) == true, "\(errors)")
    #expect(errors.first?.description.split(separator: "\n").count ?? 0 <= 2)
  }

  @Test func missingLengthAndObjective() {
    let errors = configurationErrors("model: {checkpoint: a}\ndata: {folder: b}\n")
    #expect(errors.map(\.expected) == ["`objective.type`"])
    let length = configurationErrors(minimalYAML(steps: "seed: 1"))
    #expect(length.map(\.found) == ["neither"])
  }

  @Test func unreadableFiles() throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("vkxl-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let binary = folder.appendingPathComponent("binary.yaml").path
    try Data([0x6d, 0xff, 0xfe, 0x80]).write(to: URL(fileURLWithPath: binary))
    let cases = [
      (folder.path + "/none.yaml", "no such file"), (folder.path, "a folder"),
      (binary, "other bytes"),
    ]
    for (file, found) in cases {
      do {
        _ = try Configuration.load(file: file)
        Issue.record("\(file) loaded")
      } catch let error as InputErrors {
        #expect(error.errors.map(\.found) == [found])
        #expect(error.errors.map(\.place) == [file])
      }
    }
  }

  @Test func missingInputFilesAreNamedWithTheirLine() throws {
    let yaml = minimalYAML(["model": "text_encoders: clip.safetensors"])
    let configuration = try Configuration.parse(
      yaml, file: "/nowhere/run.yaml", overrides: ["data.folder=/dev/null"])
    #expect {
      try configuration.checkFiles()
    } throws: { error in
      guard let errors = (error as? InputErrors)?.errors else { return false }
      return errors.map(\.place) == [
        "/nowhere/run.yaml:2: model.checkpoint", "/nowhere/run.yaml:3: model.text_encoders",
        "--set data.folder",
      ] && errors.last?.found == "a file at /dev/null"
    }
  }

  @Test func distanceCountsSwapsOnce() {
    #expect(Suggestion.distance("kitten", "sitting") == 3)
    #expect(Suggestion.distance("", "abc") == 3)
    #expect(Suggestion.distance("abc", "acb") == 1)
    #expect(Suggestion.nearest(to: "zzz", in: ["adamw"]) == nil)
  }
}
