import Graph
import Model
import Shaders
import Train
import VKRuntime

/// Opens what commands compute with.
enum Opening {
  /// - Parameter place: where `name` was given; nil for `--device`
  /// - Throws: when there is no such device, or it lacks what kernels need.
  static func backend(
    _ name: String?, validate: Bool, place: String? = nil
  ) throws -> VulkanBackend {
    let selector = name.map(DeviceSelector.parse) ?? .best
    do {
      return VulkanBackend(try Device(selector, validate: validate ? true : nil))
    } catch let error as VulkanError where error.kind == .noDevice && name != nil {
      throw InputError(
        place ?? "--device", expected: "the index or part of the name of a Vulkan device",
        found: "`\(name ?? "")`", hint: error.detail)
    }
  }

  /// A checkpoint with the text encoders that go with it.
  /// - Parameters:
  ///   - parts: what must be in the file
  ///   - textEncoders: where the text encoders are; nil when they are not needed
  ///   - textEncodersKey: the option or key that says so, for a hint; nil when there is none
  static func model(
    _ path: String, parts: Set<CheckpointPart>, textEncoders: TextEncoderSource?,
    textEncodersKey: String? = nil
  ) throws -> ModelParts {
    let checkpoint = try checkpoint(
      path, parts, needsText: textEncoders == .checkpoint, textEncodersKey)
    let text = try textEncoder(textEncoders ?? .checkpoint, checkpoint)
    let configuration = checkpoint.configuration
    if parts.contains(.unet) { try checkChannels(configuration, path) }
    if textEncoders != nil { try check(text.configuration, suits: configuration.unet, path) }
    return ModelParts(
      checkpoint: checkpoint, textConfiguration: text.configuration,
      weights: ParameterReader(checkpoint.file, manifest: configuration.manifest),
      textWeights: text.reader, textDigest: text.digest)
  }

  private static func checkpoint(
    _ path: String, _ parts: Set<CheckpointPart>, needsText: Bool, _ textEncodersKey: String?
  ) throws -> SDXLCheckpoint {
    guard needsText else { return try SDXLCheckpoint(path: path, parts: parts) }
    do {
      return try SDXLCheckpoint(path: path, parts: parts.union([.textEncoder1, .textEncoder2]))
    } catch var error as InputError {
      // Where all else is well, only the text encoders are missing, and they may lie elsewhere.
      if let textEncodersKey, (try? SDXLCheckpoint(path: path, parts: parts)) != nil {
        error.hint =
          "name a checkpoint that has them with \(textEncodersKey) "
          + "(synthetic:tiny for the quickstart's model)"
      }
      throw error
    }
  }

  private struct TextEncoders {
    var configuration: SDXLConfiguration
    var reader: ParameterReader
    var digest: Deferred<String>
  }

  private static func textEncoder(
    _ source: TextEncoderSource, _ checkpoint: SDXLCheckpoint
  ) throws -> TextEncoders {
    switch source {
    case .checkpoint: return try stored(checkpoint.file, checkpoint.configuration)
    case .file(let path):
      let other = try SDXLCheckpoint(path: path, parts: [.textEncoder1, .textEncoder2])
      return try stored(other.file, other.configuration)
    case .synthetic(let name):
      let size = SyntheticCheckpoint.Size(rawValue: name) ?? .tiny
      let configuration = size.configuration
      return TextEncoders(
        configuration: configuration,
        reader: ParameterReader(synthetic: configuration.manifest),
        digest: Deferred { "synthetic \(name)" })
    }
  }

  private static func stored(
    _ file: Safetensors, _ configuration: SDXLConfiguration
  ) throws -> TextEncoders {
    TextEncoders(
      configuration: configuration,
      reader: ParameterReader(file, manifest: configuration.manifest),
      digest: Deferred { file.digest(ofTensorsWithPrefix: "conditioner.") })
  }

  /// - Throws: `InputError` when the UNet does not predict just what it is given (inpainting and
  ///   the like), or not what the VAE makes.
  private static func checkChannels(_ model: SDXLConfiguration, _ path: String) throws {
    let unet = model.unet
    let latents = model.vae?.latentChannels ?? unet.outputChannels
    guard unet.inputChannels == latents, unet.outputChannels == latents else {
      throw InputError(
        path, expected: "a UNet that takes and predicts \(latents) latent channels",
        found: "\(unet.inputChannels) in, \(unet.outputChannels) out",
        hint: "inpainting and other models with inputs of their own are not supported")
    }
  }

  /// - Throws: `InputError` when the encoders' widths are not what the UNet takes.
  private static func check(
    _ text: SDXLConfiguration, suits unet: UNetConfiguration, _ path: String
  ) throws {
    guard let first = text.textEncoder1, let second = text.textEncoder2 else { return }
    let (context, pooled) = (first.width + second.width, second.projectionWidth ?? second.width)
    guard context == unet.contextWidth, pooled == unet.pooledWidth else {
      throw InputError(
        path,
        expected: "text encoders of context width \(unet.contextWidth) and pooled width "
          + "\(unet.pooledWidth), as the UNet takes",
        found: "\(context) and \(pooled)",
        hint: "name the text encoders that the UNet was trained with")
    }
  }
}
