import Data
import Foundation
import Model
import Testing
import Train

@testable import vkxl

/// Which pictures `vkxl sample` draws together.
@Suite struct PictureBatchesTests {
  /// The picture's text says all that decides it.
  @Test func picturesTellHowTheyWereDrawn() throws {
    let markers = CheckpointMarkers(
      prediction: .flow, zeroTerminalSNR: false, shift: 3, shiftAt1024: nil, resolution: "64x64",
      title: "a")
    func details(_ options: [String]) throws -> [String] {
      let command = try SampleCommand.parse(
        ["--model", "m", "--prompt", "a", "--out", "o"] + options)
      let job = try #require(try command.jobs().first)
      return command.details(job, markers).map { "\($0.name): \($0.value)" }
    }
    #expect(try details([]) == ["Shift: 3.0"])
    #expect(
      try details([
        "--prediction", "v", "--ztsnr", "--spacing", "karras", "--sigma-max", "14.6",
        "--infinite-first-step", "--sampler", "euler_ancestral", "--guidance-rescale", "0.7",
      ]) == [
        "Schedule type: karras", "Sigma max: 14.6", "Zero terminal SNR: true",
        "Terminal sigma: 20000.0", "Infinite first step: true", "Eta: 1.0", "CFG rescale: 0.7",
      ])
  }

  private static func picture(width: Int = 64, steps: Int = 4, guidance: Float = 5) -> Picture {
    let text = Conditioning(context: [0], pooled: [0])
    return Picture(
      request: PictureRequest(
        positive: text, negative: text, width: width, height: 64, guidance: guidance, seed: 0),
      process: SamplingProcess(
        prediction: .flow, table: SamplingTable(flowSteps: steps, shift: 1)))
  }

  @Test func picturesOfOneKindGoTogether() {
    let pictures = [
      Self.picture(), Self.picture(width: 128), Self.picture(guidance: 7), Self.picture(steps: 5),
      Self.picture(guidance: 1), Self.picture(), Self.picture(width: 128), Self.picture(),
    ]
    func indices(_ limit: Int) -> [[Int]] {
      PictureBatches.indices(of: pictures) { _, _ in limit }
    }
    #expect(indices(8) == [[0, 2, 5, 7], [1, 6], [3], [4]])
    #expect(indices(3) == [[0, 2, 5], [7], [1, 6], [3], [4]])
    #expect(indices(1) == [[0], [2], [5], [7], [1], [6], [3], [4]])
    #expect(PictureBatches.indices(of: []) { _, _ in 1 } == [])
  }

  @Test func asManyAsFit() {
    func size(_ count: Int, room: Int) -> Int { PictureBatches.fitting(count) { $0 <= room } }
    #expect(size(3, room: 100) == 3 && size(50, room: 100) == 8 && size(50, room: 5) == 4)
    // One is tried whatever it takes.
    #expect(size(5, room: 0) == 1 && size(1, room: 0) == 1)
  }

  /// The same pictures, whatever the batch; previews of several pictures stand in rows.
  @Test func picturesAreTheSameInEveryBatch() async throws {
    let folder = try TemporaryFolder()
    let file = try folder.file(
      "prompts.txt", "a red star --d 5\na (blue:1.3) ring --l 3\na cross --w 96\na heart --l 1\n")
    func pictures(_ name: String, _ options: [String]) async throws -> [String: [UInt8]] {
      let out = folder.path + "/" + name
      let outcome = await command(
        [
          "sample", "--model", Example.base, "--text-encoders", "synthetic:tiny", "--prompts", file,
          "--width", "64", "--height", "64", "--steps", "2", "--guidance-rescale", "0.5", "--count",
          "2", "--out", out,
        ] + options)
      #expect(outcome.status == 0, "\(outcome.errors)")
      let names = try FileManager.default.contentsOfDirectory(atPath: out)
      return try Dictionary(
        uniqueKeysWithValues: names.map { ($0, try Image(contentsOf: out + "/" + $0).rgb) })
    }
    let alone = try await pictures("alone", ["--batch", "1"])
    #expect(alone.count == 8 && Set(alone.values).count == 8)
    var all = try await pictures("all", ["--preview", "2"])
    // The last batch's: two pictures of 64 by 64 with gaps of 4.
    #expect(all.removeValue(forKey: "preview.png")?.count == 140 * 72 * 3)
    for together in [try await pictures("three", ["--batch", "3"]), all] {
      #expect(together.keys.sorted() == alone.keys.sorted())
      for (name, expected) in alone {
        let found = try #require(together[name])
        #expect(found.count == expected.count)
        // Kernels for fewer rows sum in another order; few numbers lie so near a half that it shows.
        let distances = zip(found, expected).map { abs(Int($0) - Int($1)) }
        #expect((distances.max() ?? 0) <= 1 && distances.count { $0 > 0 } < 10)
      }
    }
  }

  @Test(arguments: [
    (["--batch", "0"], "--batch"), (["--shift", "-1"], "--shift"), (["--steps", "-4"], "--steps"),
    (["--guidance", "-1"], "--guidance"), (["--eta", "-1"], "--eta"),
    (["--terminal-sigma", "-1"], "--terminal-sigma"), (["--sigma-max", "-1"], "--sigma-max"),
  ])
  func numbersBelowTheirRangeAreNamed(_ options: [String], _ option: String) async throws {
    let folder = try TemporaryFolder()
    expectError(
      await command(
        ["sample", "--model", Example.base, "--prompt", "a", "--out", folder.path] + options),
      option + ": expected")
  }
}
