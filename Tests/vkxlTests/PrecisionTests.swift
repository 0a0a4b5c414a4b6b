import Foundation
import Graph
import Model
import Testing
import Train
import VKRuntime

@testable import vkxl

/// How the UNet is stored: by the device, and what cannot be stored so.
@Suite(.serialized) struct PrecisionTests {
  /// A device that is not there.
  private func device(
    _ kind: DeviceKind, halves: Bool = true, operands: MatrixElement? = nil
  ) throws -> DeviceInformation {
    var device = try #require(try Device.available().first)
    device.name = "card"
    device.kind = kind
    if halves {
      device.features.insert(.storageBuffer16BitAccess)
    } else {
      device.features.remove(.storageBuffer16BitAccess)
    }
    device.limits.matrixShapes = [MatrixElement.f16, operands].compactMap { $0 }.map {
      MatrixShape(m: 16, n: 16, k: 16, operands: $0, sums: .f32)
    }
    return device
  }

  private func storage(_ precision: Precision, _ device: DeviceInformation) throws -> UNetStorage {
    try precision.storage(on: device, place: "run.yaml:3: model.precision")
  }

  @Test func autoSuitsTheDevice() throws {
    #expect(try storage(.auto, device(.cpu)) == .f32)
    #expect(try storage(.auto, device(.discrete)) == UNetStorage(.f16))
    #expect(try storage(.auto, device(.discrete, operands: .bf16)) == UNetStorage(.bf16))
    #expect(try storage(.auto, device(.discrete, halves: false)) == .f32)
    #expect(try storage(.bf16, device(.cpu)) == UNetStorage(.bf16))
  }

  /// Matrix units for f16 alone round bf16 to it, so gradients need a scale.
  @Test func bf16IsScaledWhereItIsMultipliedInF16() throws {
    let rounded = try storage(.bf16, device(.discrete))
    #expect(rounded.weights == .bf16 && rounded.activations == .bf16 && rounded.scalesLoss)
    #expect(try !storage(.bf16, device(.discrete, operands: .bf16)).scalesLoss)
    #expect(try !storage(.bf16, device(.cpu)).scalesLoss)
    #expect(try storage(.f16, device(.discrete, operands: .bf16)).scalesLoss)
  }

  @Test(arguments: [Precision.f16, .bf16])
  func aDeviceWithout16BitStorageIsNamed(_ precision: Precision) throws {
    let error = #expect(throws: InputError.self) {
      try storage(precision, device(.discrete, halves: false))
    }
    #expect(
      error?.description
        == "run.yaml:3: model.precision: expected f32 or auto on card, which has no 16-bit storage, "
        + "found \(precision.rawValue)\nhint: the Vulkan feature storageBuffer16BitAccess is missing; "
        + "a newer driver may have it")
  }

  /// Weights that no training can start from are named, all of them.
  @Test func weightsThatAreNotFiniteAreNamed() async throws {
    let run = try SmallRun(pictures: 1)
    let path = run.folder.path + "/bad.safetensors"
    let names = ["time_embed.0.weight", "out.2.bias"].map { "model.diffusion_model." + $0 }
    try Example.checkpoint(to: path) { tensor in
      var values = tensor.values
      if tensor.name == names[0] { values[3] = .nan }
      if tensor.name == names[1] { (values[0], values[1]) = (.infinity, -.infinity) }
      return (tensor.name, tensor.shape, values)
    }
    let outcome = await run.train(["model.checkpoint=\(path)"])
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("\(path): expected weights that are finite, found "))
    #expect(outcome.errors.contains("1 values of \(names[0]) that are not"))
    #expect(outcome.errors.contains("2 values of \(names[1]) that are not"))
    #expect(outcome.errors.contains("hint: the training that made the file diverged"))
  }

  /// A weight that f32 and bf16 hold and f16 does not.
  @Test func weightsThatDoNotSuitF16AreNamed() async throws {
    let run = try SmallRun(pictures: 1)
    let path = run.folder.path + "/large.safetensors"
    let name = "model.diffusion_model.time_embed.0.weight"
    try Example.checkpoint(to: path) { tensor in
      var values = tensor.values
      if tensor.name == name { values[3] = -70000 }
      return (tensor.name, tensor.shape, values)
    }
    let outcome = await run.train(["model.checkpoint=\(path)", "model.precision=f16"])
    #expect(outcome.status == 1)
    #expect(
      outcome.errors.hasSuffix(
        "\(path): expected weights below 65520, to be stored in f16, found 70000.0 in \(name)\n"
          + "hint: use precision bf16 or f32\n"))
  }

  /// Models are saved in the element type asked for, with the values that were trained: the state's, each
  /// rounded once. What is not trained is converted too.
  @Test(arguments: ["f32", "f16", "bf16"])
  func savedAsConfigured(_ dtype: String) async throws {
    let run = try SmallRun(pictures: 2)
    let outcome = await run.train(steps: 1, ["model.precision=bf16", "output.dtype=\(dtype)"])
    #expect(outcome.status == 0)
    let model = try Safetensors(path: run.out + "/quickstart.safetensors")
    let state = try Safetensors(path: run.out + "/state-step00000001.safetensors")
    let base = try Safetensors(path: Example.base)
    let found = Set(model.entries.filter { $0.elementCount > 0 }.map(\.dtype.rawValue))
    #expect(found == [dtype.uppercased()])
    let tensor = TensorType([1], try #require(DType(rawValue: dtype)))
    func rounded(_ values: [Float]) -> [Float] {
      TensorData(TensorType([values.count], tensor.dtype), floats: values).floats
    }
    let trained = "model.diffusion_model.time_embed.0.weight"
    #expect(try model.floats(trained) == rounded(state.floats(trained)))
    #expect(try state.floats(trained) != base.floats(trained))
    let kept = "first_stage_model.decoder.conv_in.weight"
    #expect(try model.floats(kept) == rounded(base.floats(kept)))
  }

  /// Only the UNet has a choice.
  @Test(arguments: ["vae-encode", "vae-decode", "text"])
  func encodersStayInF32(_ kind: String) async throws {
    let folder = try TemporaryFolder()
    let outcome = await command([
      "forward", kind, "--model", Example.base, "--inputs", Example.base, "--precision", "f16",
      "--out", folder.path + "/out.safetensors",
    ])
    expectError(outcome, "--precision: expected f32 or auto, found f16\nhint: the ")
  }

  /// Four steps in 16 bits are two, --resume and two, to the bit, and tell the same skips.
  @Test(arguments: ["f16", "bf16"])
  func resumedRunIsTheSame(_ precision: String) async throws {
    let settings = ["model.precision=\(precision)"]
    let (whole, parts) = (try SmallRun(), try SmallRun())
    #expect(await whole.train(steps: 4, settings).status == 0)
    #expect(await parts.train(steps: 2, settings).status == 0)
    #expect(await parts.train(steps: 4, settings, resume: true).status == 0)
    let state = "state-step00000004.safetensors"
    #expect(try whole.bytes(state) == parts.bytes(state))
    func lines(_ run: SmallRun) throws -> [[String: Double]] {
      try run.bytes("metrics.jsonl").split(separator: UInt8(ascii: "\n")).map {
        let object = try JSONSerialization.jsonObject(with: Data($0)) as? [String: Any]
        return (object ?? [:]).compactMapValues { $0 as? Double }
          .filter { !["seconds", "images_per_second"].contains($0.key) }
      }
    }
    let metrics = try lines(whole)
    #expect(try metrics == lines(parts))
    #expect(metrics.allSatisfy { $0["skipped_steps"] != nil })
    #expect(metrics.allSatisfy { ($0["loss_scale"] != nil) == (precision == "f16") })
    let final = try Safetensors(path: whole.out + "/quickstart.safetensors")
    let base = try Safetensors(path: Example.base)
    #expect(final.entries.allSatisfy { base[$0.name]?.dtype == $0.dtype || $0.elementCount == 0 })
  }
}
