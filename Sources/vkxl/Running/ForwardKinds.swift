import Graph
import Model
import Train

/// Named tensors of a `vkxl forward` file, checked as they are asked for.
struct ForwardInputs {
  let file: Safetensors

  init(_ path: String) throws { file = try Safetensors(path: path) }

  /// Values and shape of a float tensor of a rank.
  /// - Throws: `InputError` when it is missing or of another rank.
  func floats(_ name: String, rank: Int) throws -> (values: [Float], shape: [Int]) {
    let entry = try file.entry(name)
    guard entry.shape.count == rank else {
      throw InputError(
        "\(file.path): \(name)", expected: "\(rank) dimensions", found: "shape \(entry.shape)")
    }
    return (try file.floats(entry), entry.shape)
  }

  /// Values of a float tensor of a shape.
  /// - Throws: `InputError` when it is missing or of another shape.
  func floats(_ name: String, _ shape: [Int]) throws -> [Float] {
    let (values, found) = try floats(name, rank: shape.count)
    guard found == shape else {
      throw InputError("\(file.path): \(name)", expected: "shape \(shape)", found: "\(found)")
    }
    return values
  }

  /// Token ids [N, 77].
  func ids(_ name: String) throws -> (values: [Int32], samples: Int) {
    let entry = try file.entry(name)
    let length = CLIPTokenizer.contextLength
    guard entry.shape.count == 2, entry.shape[0] > 0, entry.shape[1] == length else {
      throw InputError(
        "\(file.path): \(name)", expected: "shape [N, \(length)], N at least 1",
        found: "\(entry.shape)")
    }
    let values = try file.integers(name)
    for value in values where !(0..<49408).contains(value) {
      throw InputError("\(file.path): \(name)", expected: "ids 0 to 49407", found: "\(value)")
    }
    return (values.map(Int32.init), entry.shape[0])
  }

  /// A picture or latents [N, C, H, W] of C channels with sides in multiples, as [N, H, W, C].
  func channelsLast(
    _ name: String, channels: Int, multiple: Int
  ) throws -> (values: [Float], shape: [Int]) {
    let (values, shape) = try floats(name, rank: 4)
    guard shape[1] == channels, shape[2] % multiple == 0, shape[3] % multiple == 0,
      shape[0] * shape[2] * shape[3] > 0
    else {
      throw InputError(
        "\(file.path): \(name)",
        expected: "[N, \(channels), H, W]"
          + (multiple > 1 ? " with H and W multiples of \(multiple)" : ", none of them 0"),
        found: "shape \(shape)")
    }
    let last = ChannelOrder.channelsLast(values, shape: shape)
    return (last, [shape[0], shape[2], shape[3], shape[1]])
  }
}

/// The tensors that condition the UNet, with the batch's shape.
struct ForwardConditioning {
  let shape: BatchShape
  let latents: [Float]
  let context: [Float]
  let pooled: [Float]
  let timeIDs: [Float]

  /// - Parameter name: of the latents in the file: `sample`, `latents` or `noise`.
  init(_ inputs: ForwardInputs, latents name: String, _ unet: UNetConfiguration) throws {
    let (values, size) = try inputs.channelsLast(
      name, channels: unet.inputChannels, multiple: unet.latentMultiple)
    let (text, textShape) = try inputs.floats("context", rank: 3)
    guard textShape[0] == size[0], textShape[1] > 0, textShape[2] == unet.contextWidth else {
      throw InputError(
        "\(inputs.file.path): context",
        expected: "shape [\(size[0]), T, \(unet.contextWidth)], T at least 1", found: "\(textShape)"
      )
    }
    shape = BatchShape(
      samples: size[0], height: size[1], width: size[2], channels: size[3],
      tokens: textShape[1], contextWidth: unet.contextWidth, pooledWidth: unet.pooledWidth)
    latents = values
    context = text
    pooled = try inputs.floats("pooled", [size[0], unet.pooledWidth])
    timeIDs = try inputs.floats("time_ids", [size[0], 6])
  }

  /// The inputs of a graph's conditioning by name.
  func inputs(time: [Float]) -> [String: TensorData] {
    let n = shape.samples
    return [
      "time": TensorData([n], time),
      "context": TensorData([n, shape.tokens, shape.contextWidth], context),
      "pooled": TensorData([n, shape.pooledWidth], pooled),
      "time_ids": TensorData([n, 6], timeIDs),
    ]
  }
}

/// A tensor to write.
typealias NamedTensor = (name: String, shape: [Int], values: [Float])

/// [N, H, W, C] as a named [N, C, H, W].
func channelsFirst(_ name: String, _ values: [Float], _ shape: [Int]) -> NamedTensor {
  let first = ChannelOrder.channelsFirst(values, shape: shape)
  return (name, [shape[0], shape[3], shape[1], shape[2]], first)
}

extension ForwardOptions {
  func openBackend() throws -> any Backend {
    try Opening.backend(device.device, validate: device.validate)
  }

  /// A device, and how the UNet is stored there.
  func openForUNet() throws -> (backend: any Backend, storage: UNetStorage) {
    let backend = try Opening.backend(device.device, validate: device.validate)
    let storage = try precision.storage(on: backend.device.information, place: "--precision")
    return (backend, storage)
  }

  /// - Throws: `InputError` when another precision is asked for than all else has.
  func requireSinglePrecision(because reason: String) throws {
    guard precision == .f16 || precision == .bf16 else { return }
    throw InputError(
      "--precision", expected: "f32 or auto", found: precision.rawValue, hint: reason)
  }

  func openModel(_ parts: Set<CheckpointPart>, text: Bool = false) throws -> ModelParts {
    try Opening.model(model, parts: parts, textEncoders: text ? .checkpoint : nil)
  }

  func write(_ tensors: [NamedTensor]) throws {
    try SafetensorsWriter.write(tensors, to: out)
  }
}
