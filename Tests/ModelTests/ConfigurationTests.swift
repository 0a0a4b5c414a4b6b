import Foundation
import Graph
import Testing

@testable import Model

/// Files that hold a model's names and shapes, and next to no bytes.
private enum Skeleton {
  /// Writes tensors of these shapes to a sparse file of zeros and opens it.
  static func open(
    _ tensors: [TensorDescription], metadata: [String: String] = [:], in folder: String
  ) throws -> Safetensors {
    let path = folder + "/\(UUID().uuidString).safetensors"
    let header = SafetensorsWriter.header(tensors, metadata: metadata)
    let bytes = CheckpointTestFiles.bytes(header: header)
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let byteCount = tensors.reduce(bytes.count) { $0 + $1.byteCount }
    try #require(truncate(path, byteCount) == 0)
    return try Safetensors(path: path)
  }

  static func tensors(_ configuration: SDXLConfiguration) -> [TensorDescription] {
    configuration.manifest.map { TensorDescription(name: $0.name, dtype: .f16, shape: $0.shape) }
  }
}

@Suite struct ConfigurationTests {
  @Test func manifestsAreTheReferences() throws {
    for fields in try CheckpointFixture.lines("manifest") {
      let size = try #require(SyntheticCheckpoint.Size(rawValue: fields[0]))
      let manifest = size.configuration.manifest
      let text = manifest.map { entry in
        "\(entry.name) \(entry.shape.map(String.init).joined(separator: ","))\n"
      }
      #expect(manifest.count == Int(fields[1]))
      #expect(manifest.reduce(0) { $0 + $1.elementCount } == Int(fields[2]))
      let hash = CheckpointFixture.hexadecimal(SyntheticTensors.fnv1a64(text.joined()))
      #expect(hash == fields[3], "\(size)")
    }
  }

  /// Parameters and tensors as counted in sd_xl_base_1.0.safetensors.
  @Test func fullSizeHasTheKnownParameters() {
    let full = SDXLConfiguration.full
    for (manifest, parameterCount, tensorCount) in [
      (full.unet.manifest, 2_567_463_684, 1680),
      (full.vae?.manifest, 83_653_863, 248),
      (full.textEncoder1?.manifest(.textEncoder1), 123_060_480, 196),
      (full.textEncoder2?.manifest(.textEncoder2), 694_659_840, 389),
    ] {
      #expect(manifest?.reduce(0) { $0 + $1.elementCount } == parameterCount)
      #expect(manifest?.count == tensorCount)
    }
  }

  /// Other sizes than the named ones: levels, depths, blocks, inputs and towers of their own.
  static let others: [SDXLConfiguration] = [
    SDXLConfiguration(
      unet: UNetConfiguration(
        inputChannels: 9, outputChannels: 8, baseChannels: 64, channelMultipliers: [2, 3, 4, 5],
        residualBlocksPerLevel: 3, transformerDepths: [1, 0, 2, 4], middleDepth: 1,
        contextWidth: 96, conditioningWidth: 1600),
      vae: VAEConfiguration(
        imageChannels: 4, latentChannels: 16, levelChannels: [32, 64, 64],
        residualBlocksPerLevel: 1),
      textEncoder1: TextEncoderConfiguration(
        width: 64, layerCount: 11, innerWidth: 100, projectionWidth: nil, vocabularySize: 500,
        contextLength: 20),
      textEncoder2: TextEncoderConfiguration(
        width: 128, layerCount: 1, innerWidth: 300, projectionWidth: 64, vocabularySize: 500)),
    SDXLConfiguration(
      unet: UNetConfiguration(
        baseChannels: 32, channelMultipliers: [1, 2], residualBlocksPerLevel: 1,
        transformerDepths: [0, 1], middleDepth: 0, contextWidth: 64, conditioningWidth: 1600),
      vae: nil, textEncoder1: nil, textEncoder2: nil),
    SDXLConfiguration(unet: .distilled, vae: nil, textEncoder1: nil, textEncoder2: nil),
  ]

  /// SSD-1B's tensors as its depths say, by the end of the names that show them.
  @Test func distilledModelHasDepthsOfItsOwn() {
    let names = UNetConfiguration.distilled.manifest.map { String($0.name.dropFirst(22)) }
    func depth(_ place: String) -> Int {
      names.filter { $0.hasPrefix(place + ".transformer_blocks.") && $0.hasSuffix(".norm1.bias") }
        .count
    }
    #expect((0...8).map { depth("input_blocks.\($0).1") } == [0, 0, 0, 0, 2, 2, 0, 4, 4])
    #expect((0...8).map { depth("output_blocks.\($0).1") } == [4, 4, 10, 2, 1, 1, 0, 0, 0])
    #expect(!names.contains { $0.hasPrefix("middle_block.1") || $0.hasPrefix("middle_block.2") })
    #expect(names.contains("output_blocks.2.2.conv.bias"))
    // What its authors call 1.3 billion.
    let count = UNetConfiguration.distilled.manifest.reduce(0) { $0 + $1.elementCount }
    #expect((1_250_000_000..<1_350_000_000).contains(count))
  }

  @Test(arguments: [SDXLConfiguration.full, .tiny, .odd] + others)
  func sizesAreReadOffShapes(configuration: SDXLConfiguration) throws {
    try CheckpointTestFiles.withFolder { folder in
      let file = try Skeleton.open(Skeleton.tensors(configuration), in: folder)
      let read = try SDXLConfiguration(reading: file, parts: configuration.parts)
      #expect(read == configuration)
      #expect(CheckpointValidation(of: file, against: read).isValid)
    }
  }

  /// The real full-size file's header is parsed in far less time than a person notices.
  @Test func openingIsFast() throws {
    try CheckpointTestFiles.withFolder { folder in
      let file = try Skeleton.open(Skeleton.tensors(.full), in: folder)
      let elapsed = try ContinuousClock().measure { _ = try Safetensors(path: file.path) }
      #expect(elapsed < .seconds(1))
    }
  }

  /// Each tensor in turn is missing: sizes are still read, and exactly that one is reported.
  @Test func anyOneMissingTensorIsReported() throws {
    let all = Skeleton.tensors(.tiny)
    // These alone show a size, and are named as what it cannot be read without.
    let essential = [
      "input_blocks.0.0.weight", "label_emb.0.0.weight", "token_embedding.weight",
      "position_embedding.weight", "positional_embedding", "text_projection",
    ]
    try CheckpointTestFiles.withFolder { folder in
      for index in stride(from: 0, to: all.count, by: 23) {
        var tensors = all
        let removed = tensors.remove(at: index)
        let file = try Skeleton.open(tensors, in: folder)
        let error = #expect(throws: InputError.self) { try SDXLCheckpoint(path: file.path) }
        #expect(
          error?.description.contains(removed.name) == true, "\(removed.name): \(error as Any)")
        if !essential.contains(where: { removed.name.hasSuffix($0) }) {
          #expect(error?.found.hasPrefix("1 missing: ") == true, "\(error as Any)")
        }
      }
    }
  }

  @Test func essentialTensorsAreNamedWhenMissing() throws {
    let all = Skeleton.tensors(.tiny)
    try CheckpointTestFiles.withFolder { folder in
      for suffix in [
        "input_blocks.0.0.weight", "label_emb.0.0.weight", "text_projection",
        "0.transformer.text_model.embeddings.token_embedding.weight",
      ] {
        let file = try Skeleton.open(all.filter { !$0.name.hasSuffix(suffix) }, in: folder)
        let error = #expect(throws: InputError.self) { try SDXLCheckpoint(path: file.path) }
        #expect(error?.expected.contains(suffix) == true, "\(error as Any)")
      }
    }
  }

  @Test func allDifferencesAreReportedAtOnce() throws {
    var tensors = Skeleton.tensors(.tiny)
    tensors.removeAll { $0.name.hasSuffix("attn1.to_q.weight") }
    let unet = CheckpointPart.unet.prefix
    for index in tensors.indices {
      switch tensors[index].name {
      case unet + "middle_block.0.in_layers.2.weight": tensors[index].shape = [128, 128, 1, 3]
      case unet + "out.2.bias": tensors[index].dtype = .i64
      // The same bytes in the same order: not an error.
      case "first_stage_model.encoder.mid.attn_1.q.weight": tensors[index].shape = [64, 64]
      default: break
      }
    }
    tensors += [
      TensorDescription(name: unet + "new_layer.weight", dtype: .f16, shape: [1]),
      TensorDescription(name: "model_ema.decay", dtype: .f32, shape: []),
      TensorDescription(name: "conditioner.embedders.1.model.logit_scale", dtype: .f32, shape: []),
      TensorDescription(name: "v_pred", dtype: .f32, shape: [0]),
    ]
    try CheckpointTestFiles.withFolder { folder in
      let file = try Skeleton.open(tensors, in: folder)
      let configuration = try SDXLConfiguration(reading: file)
      #expect(configuration == .tiny)
      let validation = CheckpointValidation(of: file, against: configuration)
      #expect(validation.missing.count == 17)
      #expect(validation.misshapen.map(\.found) == [[128, 128, 1, 3]])
      #expect(validation.wrongDType.map(\.name) == [unet + "out.2.bias"])
      #expect(validation.unexpected.map(\.name) == [unet + "new_layer.weight"])
      #expect(validation.unused.map(\.name) == ["model_ema.decay"])
      let error = #expect(throws: InputError.self) { try validation.check() }
      for problem in validation.problems { #expect(error?.found.contains(problem) == true) }
      #expect(
        error?.found.hasPrefix(
          "17 missing, 1 misshapen, 1 of a dtype that cannot be used, 1 unexpected: ") == true)
    }
  }

  /// Files in 8 bits are not damaged: what would do is said.
  @Test func dtypesThatCannotBeUsedAreToldAsSuch() throws {
    let tensors = Skeleton.tensors(.tiny).map { tensor in
      var tensor = tensor
      if tensor.name == "model.diffusion_model.out.2.bias" { tensor.dtype = .f8e4m3 }
      return tensor
    }
    try CheckpointTestFiles.withFolder { folder in
      let file = try Skeleton.open(tensors, in: folder)
      let error = #expect(throws: InputError.self) {
        try CheckpointValidation(of: file, against: .tiny).check()
      }
      #expect(error?.expected == "tensors of dtype F64, F32, F16 or BF16")
      #expect(error?.found == "dtype: model.diffusion_model.out.2.bias is F8_E4M3")
    }
  }

  @Test func unusedTensorsAreAWarning() throws {
    let extra = TensorDescription(name: "model_ema.decay", dtype: .f32, shape: [])
    try CheckpointTestFiles.withFolder { folder in
      let file = try Skeleton.open(Skeleton.tensors(.tiny) + [extra], in: folder)
      let checkpoint = try SDXLCheckpoint(path: file.path)
      #expect(checkpoint.warning?.contains("model_ema.decay") == true)
    }
  }

  @Test func partsAreRequiredAsAsked() throws {
    var configuration = SDXLConfiguration.tiny
    configuration.textEncoder2 = nil
    configuration.vae = nil
    try CheckpointTestFiles.withFolder { folder in
      let file = try Skeleton.open(Skeleton.tensors(configuration), in: folder)
      let read = try SDXLConfiguration(reading: file, parts: [.unet, .textEncoder1])
      #expect(read == configuration)
      let error = #expect(throws: InputError.self) { try SDXLConfiguration(reading: file) }
      #expect(error?.expected.contains("VAE (`first_stage_model.") == true)
      #expect(error?.expected.contains("text encoder 2") == true)
      #expect(error?.found == "only UNet, text encoder 1")
    }
  }

  @Test(
    arguments: [
      ([], "without tensors"),
      (["lora_unet_input_blocks_4_1_proj_in.lora_down.weight"], "LoRA"),
      (["model.diffusion_model.input_blocks.0.0.weight", "cond_stage_model.transformer.x"], "1.x"),
      (["model.diffusion_model.input_blocks.0.0.weight", "cond_stage_model.model.x"], "2.x"),
      (["model.diffusion_model.input_blocks.0.0.weight"], "without label embedding"),
      (["model.diffusion_model.joint_blocks.0.x"], "Diffusion 3"),
      (["model.diffusion_model.double_blocks.0.x"], "Flux"),
      (["double_blocks.0.img_attn.qkv.weight"], "Flux"),
      (["down_blocks.0.resnets.0.conv1.weight"], "diffusers UNet"),
      (["control_model.input_blocks.0.0.weight"], "ControlNet"),
      (
        ["conditioner.embedders.0.model.ln_final.bias", "model.diffusion_model.out.0.bias"],
        "refiner"
      ),
      (["encoder.conv_in.weight", "decoder.conv_in.weight"], "VAE alone"),
      (["text_model.final_layer_norm.bias"], "text encoder alone"),
      (["input_blocks.0.0.weight", "label_emb.0.0.weight"], "bare UNet"),
      (["a", "b", "c", "d"], "4 tensors such as `a`, `b`, `c`"),
      (["model.diffusion_model.blocks.0.x"], "another model"),
    ] as [([String], String)])
  func otherModelsAreNamed(names: [String], title: String) throws {
    try CheckpointTestFiles.withFolder { folder in
      let file = try Skeleton.open(
        names.map { TensorDescription(name: $0, dtype: .f16, shape: [1]) }, in: folder)
      let error = #expect(throws: InputError.self) { try SDXLConfiguration(reading: file) }
      #expect(error?.found.contains(title) == true, "\(error as Any)")
      #expect(error?.hint.isEmpty == false)
    }
  }
}

extension UNetConfiguration {
  /// SSD-1B's UNet.
  ///
  /// - Source: Segmind's SSD-1B, `unet/config.json` (`transformer_layers_per_block`,
  ///   `reverse_transformer_layers_per_block`); ComfyUI, `comfy/model_detection.py`
  static let distilled = UNetConfiguration(
    baseChannels: 320, channelMultipliers: [1, 2, 4],
    depths: [
      LevelDepths(down: [0, 0], up: [0, 0, 0]), LevelDepths(down: [2, 2], up: [2, 1, 1]),
      LevelDepths(down: [4, 4], up: [4, 4, 10]),
    ], middle: .residualBlock, contextWidth: 2048, conditioningWidth: 2816)
}
