import Foundation
import Graph
import Testing

@testable import Model

@Suite struct InspectionTests {
  /// Writes a small file with these tensors, all values 1, and opens it.
  private func file(
    _ tensors: [TensorDescription], metadata: [String: String] = [:], in folder: String
  ) throws -> Safetensors {
    let path = folder + "/\(UUID().uuidString).safetensors"
    try SafetensorsWriter.write(tensors, metadata: metadata, to: path) { tensor, write in
      let values = [Float](repeating: 1, count: tensor.elementCount)
      var bytes = [UInt8](repeating: 0, count: tensor.byteCount)
      if tensor.dtype.isFloatingPoint {
        _ = values.withUnsafeBufferPointer { values in
          bytes.withUnsafeMutableBytes {
            FloatConversion.encode(values, as: tensor.dtype, into: $0)
          }
        }
      }
      try bytes.withUnsafeBytes(write)
    }
    return try Safetensors(path: path)
  }

  /// The least model that is an SDXL checkpoint, so that files stay small.
  private static let small = SDXLConfiguration(
    unet: UNetConfiguration(
      baseChannels: 32, channelMultipliers: [1, 2], residualBlocksPerLevel: 1,
      transformerDepths: [0, 1], middleDepth: 1, contextWidth: 64, conditioningWidth: 1600),
    vae: VAEConfiguration(levelChannels: [32, 32], residualBlocksPerLevel: 1),
    textEncoder1: nil,
    textEncoder2: TextEncoderConfiguration(
      width: 64, layerCount: 1, innerWidth: 64, projectionWidth: 64, vocabularySize: 10))

  private static func tensors(_ dtype: SafetensorsDType) -> [TensorDescription] {
    small.manifest.map { TensorDescription(name: $0.name, dtype: dtype, shape: $0.shape) }
  }

  @Test func whatACheckpointIs() throws {
    try CheckpointTestFiles.withFolder { folder in
      let logitScale = TensorDescription(
        name: "conditioner.embedders.1.model.logit_scale", dtype: .f32, shape: [])
      let marker = TensorDescription(name: "v_pred", dtype: .f32, shape: [0])
      let inspection = CheckpointInspection(
        of: try file(
          Self.tensors(.bf16) + [logitScale, marker],
          metadata: ["format": "pt", "long": String(repeating: "x\n", count: 200)], in: folder))
      #expect(inspection.configuration == Self.small)
      #expect(inspection.markers?.prediction == .v)
      #expect(inspection.problems.isEmpty)
      #expect(inspection.others == [logitScale.name, marker.name])
      let unet = Self.small.unet.manifest
      #expect(inspection.parts[.unet]?.tensorCount == unet.count)
      #expect(
        inspection.parts[.unet]?.parameterCount == unet.reduce(0) { $0 + $1.elementCount })
      #expect(inspection.parts[.unet]?.dtypes == [.bf16: unet.count])
      #expect(inspection.parts[.textEncoder1] == nil)
      #expect(inspection.total.tensorCount == Self.small.manifest.count + 2)
      let text = inspection.description
      for line in [
        "SDXL checkpoint, single file", "  UNet ", "levels 32 64, 1 residual blocks each",
        "prediction: v", "  format: pt", "  long: x\\nx\\n", "BF16 (", "F32 (2)",
        "width 64, 1 layers, inner 64, projection 64, 10 tokens, 77 positions",
        "other tensors: \(logitScale.name), v_pred",
      ] {
        #expect(text.contains(line), "\(line) in\n\(text)")
      }
    }
  }

  @Test func whatElseAFileIs() throws {
    try CheckpointTestFiles.withFolder { folder in
      let lora = TensorDescription(name: "lora_te1_x.lora_up.weight", dtype: .f16, shape: [2, 3])
      let inspection = CheckpointInspection(of: try file([lora], in: folder))
      #expect(inspection.layout == "a LoRA or similar adapter")
      #expect(inspection.configuration == nil)
      #expect(inspection.total.parameterCount == 6)
      #expect(inspection.description.contains("metadata: none"))
    }
  }

  /// It has the UNet's names, but shapes and tensors of its own: no model with problems.
  @Test func aTrainingStateIsNoModel() throws {
    try CheckpointTestFiles.withFolder { folder in
      let inspection = CheckpointInspection(
        of: try file(
          Self.tensors(.f32), metadata: ["vkxl.kind": "training state", "vkxl.step": "7"],
          in: folder))
      #expect(inspection.layout.hasPrefix("a training state"))
      #expect(inspection.configuration == nil && inspection.markers == nil)
      #expect(inspection.parts.isEmpty && inspection.problems.isEmpty)
      #expect(inspection.description.contains("  vkxl.step: 7"))
    }
  }

  @Test func problemsAreListed() throws {
    try CheckpointTestFiles.withFolder { folder in
      let tensors = Self.tensors(.f16).filter { !$0.name.hasSuffix("attn2.to_q.weight") }
      let inspection = CheckpointInspection(
        of: try file(tensors, metadata: ["vkxl.prediction_type": "sideways"], in: folder))
      #expect(inspection.problems.count == 5)  // 1 block down, 1 in the middle, 2 up; the key
      #expect(inspection.description.contains("problems\n  missing: model.diffusion_model."))
      #expect(inspection.description.contains("sideways"))
    }
  }

  @Test(arguments: [
    (0, "0", "0 B"), (999, "999", "999 B"), (1000, "1,000", "1.0 kB"),
    (123_456, "123,456", "123 kB"), (999_499, "999,499", "999 kB"), (999_500, "999,500", "1.0 MB"),
    (6_938_040_682, "6,938,040,682", "6.94 GB"), (40_784_982, "40,784,982", "40.8 MB"),
  ]) func numbersAreReadable(count: Int, grouped: String, bytes: String) {
    #expect(CheckpointInspection.grouped(count) == grouped)
    #expect(CheckpointInspection.bytes(count) == bytes)
  }

  // MARK: Markers

  @Test(
    arguments: [
      ([:], [], .epsilon, false),
      ([:], ["v_pred"], .v, false),
      ([:], ["v_pred", "ztsnr"], .v, true),
      (["modelspec.prediction_type": "v"], [], .v, false),
      (["modelspec.prediction_type": "epsilon"], ["v_pred"], .v, false),
      (["modelspec.prediction_type": "flow"], [], .flow, false),
      (["vkxl.prediction_type": "flow", "vkxl.shift": "3.0"], ["v_pred"], .flow, false),
      (["vkxl.prediction_type": "v", "vkxl.zero_terminal_snr": "true"], [], .v, true),
    ] as [([String: String], [String], PredictionType, Bool)])
  func markersAreRead(
    metadata: [String: String], names: [String], prediction: PredictionType, ztsnr: Bool
  ) throws {
    try CheckpointTestFiles.withFolder { folder in
      let tensors = names.map { TensorDescription(name: $0, dtype: .f32, shape: [0]) }
      let markers = try CheckpointMarkers(
        reading: file(tensors, metadata: metadata, in: folder))
      #expect(markers.prediction == prediction)
      #expect(markers.zeroTerminalSNR == ztsnr)
      #expect(markers.shift == metadata["vkxl.shift"].flatMap(Double.init))
    }
  }

  @Test func metadataIsMergedOverTheSources() {
    let source = [
      "format": "np", "ss_comment": "kept", "modelspec.title": "Old",
      "modelspec.hash_sha256": "0xstale", "modelspec.prediction_type": "epsilon",
      "modelspec.timestep_range": "0,500", "vkxl.shift": "3.0",
      "modelspec.resolution": "512x512",
    ]
    let markers = CheckpointMarkers(prediction: .v, zeroTerminalSNR: true, title: "New")
    #expect(
      markers.metadata(over: source, date: Date(timeIntervalSince1970: 1_700_000_000)) == [
        "format": "np", "ss_comment": "kept", "modelspec.title": "New",
        "modelspec.prediction_type": "v", "modelspec.timestep_range": "0,500",
        "modelspec.resolution": "512x512", "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": "stable-diffusion-xl-v1-base",
        "modelspec.implementation": "https://github.com/Stability-AI/generative-models",
        "modelspec.date": "2023-11-14T22:13:20Z",
        "vkxl.prediction_type": "v", "vkxl.zero_terminal_snr": "true",
      ])
  }

  // MARK: Saving

  @Test func savedCheckpointIsTheSourceWithReplacements() throws {
    try CheckpointTestFiles.withFolder { folder in
      let source = try file(
        [
          TensorDescription(name: "z.f16", dtype: .f16, shape: [2, 2]),
          TensorDescription(name: "ztsnr", dtype: .f32, shape: [0]),
          TensorDescription(name: "a.bf16", dtype: .bf16, shape: [3]),
          TensorDescription(name: "m.i64", dtype: .i64, shape: [2]),
          TensorDescription(name: "f32", dtype: .f32, shape: [1]),
        ], metadata: ["k": "v"], in: folder)
      let new: [String: [Float]] = [
        "z.f16": [0.1, 1e9, -1e9, 65504], "a.bf16": [0.1, 1e38, 3], "f32": [0.1],
      ]
      let markers = CheckpointMarkers(prediction: .v)
      let path = source.path  // over the source itself
      let overflows = try CheckpointWriter.save(
        source, replacement: { new[$0.name].map(TensorReplacement.init(floats:)) },
        markers: markers, to: path)
      #expect(overflows == [.init(name: "z.f16", dtype: .f16, count: 2)])
      let saved = try Safetensors(path: path)
      #expect(saved.entries.map(\.name) == ["z.f16", "a.bf16", "m.i64", "f32", "v_pred"])
      #expect(saved.entries.map(\.dtype) == [.f16, .bf16, .i64, .f32, .f32])
      #expect(try saved.floats("z.f16") == [0.0999755859375, .infinity, -.infinity, 65504])
      #expect(try saved.floats("a.bf16") == [0.10009765625, 0x1.2cp126, 3])
      #expect(try saved.integers("m.i64") == [0, 0])
      #expect(try saved.floats("f32") == [0.1])
      #expect(saved.metadata["k"] == "v")
      #expect(try CheckpointMarkers(reading: saved) == markers)
      // The source is still what it was: its file is replaced, not written over.
      #expect(try source.floats("z.f16") == [1, 1, 1, 1])
      let again = folder + "/again.safetensors"
      let none = try CheckpointWriter.save(
        saved, replacement: { _ in nil }, markers: nil, to: again)
      #expect(none.isEmpty)
      #expect(FileManager.default.contentsEqual(atPath: path, andPath: again))
    }
  }

  @Test func replacingIntegersIsAnError() throws {
    try CheckpointTestFiles.withFolder { folder in
      let source = try file(
        [TensorDescription(name: "m", dtype: .i64, shape: [2])], in: folder)
      let path = folder + "/out.safetensors"
      let error = #expect(throws: InputError.self) {
        try CheckpointWriter.save(
          source, replacement: { _ in TensorReplacement(floats: [1, 2]) }, markers: nil, to: path)
      }
      #expect(error?.found == "I64")
      #expect(!FileManager.default.fileExists(atPath: path))
    }
  }

  /// More than one batch of conversion, with an odd rest.
  @Test func longTensorsAreConvertedInPieces() throws {
    try CheckpointTestFiles.withFolder { folder in
      let count = (1 << 21) + 12_345
      let source = try file(
        [TensorDescription(name: "w", dtype: .f16, shape: [count])], in: folder)
      let values = SyntheticTensors.uniform("w", count: count)
      let path = folder + "/out.safetensors"
      _ = try CheckpointWriter.save(
        source, replacement: { _ in TensorReplacement(floats: values) }, markers: nil, to: path)
      let saved = try Safetensors(path: path).floats("w")
      #expect(saved.elementsEqual(values) { abs($0 - $1) <= 0x1p-12 })
    }
  }
}
