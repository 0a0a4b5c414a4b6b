import Graph
import Model
import Train

extension ForwardText {
  func compute() throws {
    try options.requireSinglePrecision(because: "the text encoders are always computed in f32")
    let parts = try options.openModel([.textEncoder1, .textEncoder2], text: false)
    let inputs = try ForwardInputs(options.inputs)
    let (ids1, samples) = try inputs.ids("ids1")
    let (ids2, samples2) = try inputs.ids("ids2")
    guard samples == samples2 else {
      throw InputError(
        "\(options.inputs): ids2", expected: "\(samples) rows, as ids1", found: "\(samples2)")
    }
    let conditioner = try TextConditioner(
      options.openBackend(), parts.textConfiguration, weights: parts.textWeights, shape: samples)
    let results = try conditioner.encode(ids1: ids1, ids2: ids2, samples: samples)
    try options.write(
      results.sorted { $0.key < $1.key }.map { ($0.key, $0.value.type.shape, $0.value.floats) })
  }
}

extension ForwardVAEEncode {
  func compute() throws {
    try options.requireSinglePrecision(because: vaeReason)
    let parts = try options.openModel([.vae])
    let vae = try parts.vae
    let inputs = try ForwardInputs(options.inputs)
    let (image, shape) = try inputs.channelsLast(
      "image", channels: vae.imageChannels, multiple: vae.downscale)
    let frame = FrameShape(samples: shape[0], height: shape[1], width: shape[2])
    let encoder = try LatentEncoder(
      options.openBackend(), vae, weights: parts.weights, shape: frame)
    let (mean, logVariance) = try encoder.encode(image, frame)
    let latent = [
      shape[0], shape[1] / vae.downscale, shape[2] / vae.downscale, vae.latentChannels,
    ]
    try options.write([
      channelsFirst("mean", mean, latent), channelsFirst("logvar", logVariance, latent),
    ])
  }
}

extension ForwardVAEDecode {
  func compute() throws {
    try options.requireSinglePrecision(because: vaeReason)
    let parts = try options.openModel([.vae])
    let vae = try parts.vae
    let inputs = try ForwardInputs(options.inputs)
    let (latents, shape) = try inputs.channelsLast(
      "latents", channels: vae.latentChannels, multiple: 1)
    let frame = FrameShape(samples: shape[0], height: shape[1], width: shape[2])
    let decoder = try LatentDecoder(
      options.openBackend(), vae, weights: parts.weights, shape: frame)
    let decoded = try decoder.decode(latents, frame)
    let picture = [
      shape[0], shape[1] * vae.downscale, shape[2] * vae.downscale, vae.imageChannels,
    ]
    try options.write([channelsFirst("decoded", decoded, picture)])
  }
}

/// Why the VAE has no other precision.
private let vaeReason = "the VAE is always computed in f32: its activations overflow f16"
