import Data
import Foundation
import Testing

@testable import vkxl

/// `vkxl bench`, through the real command line at small sizes.
@Suite(.serialized) struct BenchCommandTests {
  private func json(_ path: String) throws -> [String: Any] {
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let device = try #require(object["device"] as? [String: Any])
    for key in ["name", "driver", "driver_info", "kind", "vulkan"] {
      #expect((device[key] as? String)?.isEmpty == false, "\(key)")
    }
    #expect(object["version"] as? String == Vkxl.version)
    let date = try #require(object["date"] as? String)
    #expect(abs(try Date(date, strategy: .iso8601).timeIntervalSinceNow) < 600)
    return object
  }

  private func results(_ path: String) throws -> [String: Any] {
    try #require(try json(path)["results"] as? [String: Any])
  }

  private func number(_ object: [String: Any], _ key: String) throws -> Double {
    try #require(object[key] as? Double, "\(key)")
  }

  @Test func kernels() async throws {
    let folder = try TemporaryFolder()
    let (file, picture) = (folder.path + "/kernels.json", folder.path + "/roofline.png")
    let outcome = await command([
      "bench", "kernels", "--filter", "LAYER norm", "--weights", "bf16", "--no-tune",
      "--json", file, "--plot", picture,
    ])
    #expect(outcome.status == 0 && outcome.errors == "")
    #expect(try json(file)["command"] as? String == "bench kernels")
    let results = try results(file)
    #expect(results["weights"] as? String == "bf16" && results["activations"] as? String == "f32")
    let ceilings = try #require(results["ceilings"] as? [[String: Any]])
    #expect(ceilings.compactMap { $0["kind"] as? String } == ["multiply-add", "copy"])
    // Whatever it is, it does more than 100 MFLOP/s and moves more than 100 MB/s.
    for ceiling in ceilings { #expect(try number(ceiling, "per_second") > 1e8) }
    let kernels = try #require(results["kernels"] as? [[String: Any]])
    #expect(kernels.compactMap { $0["name"] as? String } == ["layer norm", "layer norm gradient"])
    for kernel in kernels {
      #expect(kernel["storage"] as? String == "f32 x bf16")
      let (seconds, bytes) = (try number(kernel, "seconds"), try number(kernel, "bytes"))
      #expect(seconds > 0 && bytes > 2 * 4096 * 640 * 4)
      let copy = try number(ceilings[1], "per_second")
      let share = try number(kernel, "share_of_ceiling")
      #expect(abs(share / (bytes / seconds / copy) - 1) < 1e-9)
    }
    try expectPicture(picture)
  }

  /// 1200 x 800 pixels, white with something drawn on it.
  private func expectPicture(_ path: String) throws {
    let image = try Image(contentsOf: path)
    #expect(image.width == 1200 && image.height == 800)
    let dark = image.rgb.count { $0 < 128 }
    #expect(dark > 3000 && dark < image.rgb.count / 4)
  }

  @Test func step() async throws {
    let folder = try TemporaryFolder()
    let (file, picture) = (folder.path + "/step.json", folder.path + "/step.png")
    let outcome = await command([
      "bench", "step", "--size", Example.base, "--width", "64", "--height", "64", "--steps", "2",
      "--no-tune", "--objective", "v", "--optimizer", "adafactor", "--json", file, "--plot",
      picture,
    ])
    #expect(outcome.status == 0 && outcome.errors == "")
    let results = try results(file)
    #expect(results["model"] as? String == "base.safetensors")
    #expect(results["objective"] as? String == "v")
    #expect(results["optimizer"] as? String == "adafactor")
    let step = try #require(results["step"] as? [String: Any])
    #expect((step["step_seconds"] as? [Double])?.count == 2)
    let median = try number(step, "median_seconds")
    let host = try number(step, "host_seconds")
    #expect(host > 0 && host <= median)
    let operations = try #require(step["operations"] as? [[String: Any]])
    let names = Set(operations.compactMap { $0["operation"] as? String })
    #expect(names.isSuperset(of: ["matrix_product", "convolution_2d", "attention", "adafactor"]))
    let launches = try operations.reduce(0.0) { $0 + (try number($1, "launches")) }
    #expect(try number(step, "launches") == launches)
    let flop = try operations.reduce(0.0) { $0 + (try number($1, "flop")) }
    #expect(flop > 1e6)
    #expect(try number(step, "flop") == flop)
    #expect(try number(step, "launch_seconds") > 0)
    try expectPicture(picture)
  }

  @Test func memory() async throws {
    let folder = try TemporaryFolder()
    let file = folder.path + "/memory.json"
    let outcome = await command([
      "bench", "memory", "--size", "tiny", "--width", "64", "--height", "32", "--json", file,
    ])
    #expect(outcome.status == 0 && outcome.errors == "")
    let results = try results(file)
    let planned = try #require(results["planned"] as? [String: Any])
    let parts = try [
      "parameters", "kept_gradients", "optimizer_state", "activations", "recomputed", "gradients",
      "workspace", "fragmentation", "step_blocks", "staging", "gaps",
    ].map { try number(planned, $0) }
    let peak = try number(planned, "peak")
    #expect(parts.reduce(0, +) == peak)
    // Of each weight there are a gradient and two moments.
    #expect(parts[1] == parts[0] && parts[2] >= 2 * parts[0])
    #expect(try number(planned, "lower_bound") <= peak)
    // What is planned is what is allocated.
    #expect(try number(results, "allocated") == peak)
    let rates = try #require(results["transfer_bytes_per_second"] as? [String: Any])
    #expect(try number(rates, "host_to_device") > 1e7)
    #expect(try number(rates, "device_to_host") > 1e7)
  }

  static let mistakes: [([String], String)] = [
    (["kernels", "--filter", "nothing"], "--filter nothing: expected text in the name or shape"),
    (["kernels", "--json", "/nowhere/a.json"], "--json /nowhere/a.json: expected a file in an"),
    (["kernels", "--plot", "/nowhere/a.png"], "--plot /nowhere/a.png: expected a file in an"),
    (["kernels", "--batch", "0"], "--batch: expected 1 to 64, found 0"),
    (["step", "--size", "huge"], "--size huge: expected tiny, odd, full or a checkpoint's file"),
    (["step", "--size", "tiny", "--filter", "nothing"], "--filter nothing: expected text in the"),
    (["step", "--size", "tiny", "--width", "100"], "--width: expected a multiple of 32 pixels"),
    (["step", "--size", "tiny", "--steps", "0"], "--steps: expected 1 to 1000, found 0"),
    (["step", "--size", Example.configuration], "quickstart.yaml: expected "),
    (["memory", "--size", "huge"], "--size huge: expected tiny, odd, full or a checkpoint's file"),
    (["memory", "--size", "tiny", "--json", "/tmp"], "--json /tmp: expected a file to write"),
    (["memory", "--size", "tiny", "--device", "none"], "--device: expected the index or part"),
  ]

  @Test(arguments: mistakes) func mistakesAreTold(_ arguments: [String], _ part: String) async {
    expectError(await command(["bench"] + arguments), part)
  }

  @Test func figures() {
    #expect(
      [1234.5, 12.34, 1.234, 0.1234, 0.01234].map(Figures.readable)
        == ["1234", "12.3", "1.23", "0.123", "0.0123"])
    #expect(Figures.readable(.infinity) == "-")
    #expect([2.5, 0.0415, 0.000047].map(Figures.duration) == ["2.50 s", "41.5 ms", "47.0 us"])
    #expect(Figures.rate(58.2e9, "FLOP") == "58.2 GFLOP/s")
    #expect(Figures.percent(0.1234) == "12.3 %")
    #expect(Figures.median([3, 1, 2]) == 2)
  }
}
