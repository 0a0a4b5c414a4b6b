import Foundation
import Testing

@testable import vkxl

/// Held-out pictures in `vkxl train`.
@Suite(.serialized) struct ValidationCommandTests {
  private struct Line: Decodable, Equatable {
    var step: Int
    var validationLoss: Double?
    var validationBands: [Double]?
  }

  private func validations(_ run: SmallRun) throws -> [Line] {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try run.bytes("metrics.jsonl").split(separator: UInt8(ascii: "\n")).map {
      try decoder.decode(Line.self, from: Data($0))
    }.filter { $0.validationLoss != nil }
  }

  /// At the start, when due and at the end; the same at the start whatever seed, batch size and noise;
  /// the same to the bit after a resumption.
  @Test func heldOutPicturesAreMeasured() async throws {
    let settings = ["data.validation_fraction=0.4", "output.validate_every=2"]
    let whole = try SmallRun(pictures: 12)
    let outcome = await whole.train(steps: 3, settings)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors == "")
    let found = try validations(whole)
    #expect(found.map(\.step) == [0, 2, 3])
    for line in found {
      let bands = try #require(line.validationBands)
      #expect(bands.count == 4 && bands.allSatisfy { $0 > 0 && $0 < 100 })
      let mean = bands.reduce(0, +) / 4
      #expect(abs((line.validationLoss ?? 0) - mean) < 1e-5 * mean)
    }
    #expect(Set(found.compactMap(\.validationLoss)).count == 3)

    let other = try SmallRun(pictures: 12)
    let changed = [
      "training.seed=9", "training.batch_size=3", "objective.offset_noise=0.1",
      "objective.loss=l1", "objective.noise_pairing=transport", "data.tag_weights=true",
    ]
    #expect(await other.train(steps: 1, settings + changed).status == 0)
    let first = try #require(try validations(other).first?.validationBands)
    for (a, b) in zip(first, try #require(found.first?.validationBands)) {
      // Another batch size sums in another order.
      #expect(abs(a - b) < 1e-4 * b)
    }

    let parts = try SmallRun(pictures: 12)
    #expect(await parts.train(steps: 2, settings).status == 0)
    #expect(await parts.train(steps: 3, settings, resume: true).errors == "")
    #expect(try validations(parts) == found)
    #expect(
      try whole.bytes("state-step00000003.safetensors")
        == parts.bytes("state-step00000003.safetensors"))
  }

  /// A folder of its own, and a model on its way from epsilon.
  @Test func aFolderIsMeasured() async throws {
    let run = try SmallRun()
    try Example.copyPictures(3, to: run.folder.path + "/held")
    // Without markers, a model counts as one that predicts epsilon.
    let base = run.folder.path + "/base.safetensors"
    try Example.checkpoint(to: base) { $0 }
    let outcome = await run.train(
      steps: 2,
      [
        "model.checkpoint=\(base)", "data.validation_folder=\(run.folder.path)/held",
        "objective.from=epsilon",
        "objective.transition_steps=1", "output.validate_every=0",
      ])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try validations(run).map(\.step) == [0, 2])
  }

  @Test(arguments: [
    ("validation_folder: held\nvalidation_fraction: 0.1", "validation_folder", "both"),
    ("validation_folder: images/held", "validation_folder", "/runs/images/held"),
    ("validation_fraction: 1", "validation_fraction", "1"),
  ])
  func badSplits(_ lines: String, _ key: String, _ found: String) {
    let errors = configurationErrors(minimalYAML(["data": lines]))
    #expect(errors.count == 1, "\(errors)")
    #expect(errors.first?.place.hasSuffix("data.\(key)") == true, "\(errors)")
    #expect(errors.first?.found.contains(found) == true, "\(errors)")
    #expect(
      configurationErrors(minimalYAML(["output": "validate_every: 7"])).map(\.expected)
        == ["this key only with `data.validation_fraction` or `data.validation_folder`"])
  }

  @Test func aMissingFolderIsNamed() async throws {
    let run = try SmallRun()
    expectError(
      await run.train(["data.validation_folder=/nowhere"]),
      "--set data.validation_folder: expected a folder of images, found nothing at /nowhere")
    expectError(
      await run.train(["data.validation_fraction=0.000001"]),
      "--set data.validation_fraction: expected pictures on both sides of the split")
  }
}
