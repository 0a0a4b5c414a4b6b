import Data
import Foundation
import Graph
import Model
import Train

extension SampleCommand {
  func draw() throws {
    let parts = try Opening.model(
      model, parts: [.unet, .vae],
      textEncoders: try textEncoderSource(), textEncodersKey: "--text-encoders")
    let configuration = parts.checkpoint.configuration
    try checkSides(multiple: 8 * configuration.unet.latentMultiple)
    let markers = try CheckpointMarkers(reading: parts.checkpoint.file)
    let sampler = try makeSampler(markers)
    let backend = try Opening.backend(device.device, validate: device.validate)
    try makeFolder()
    let conditions = try conditionings(backend, parts)
    let requests = zip(prompt, conditions.positive).flatMap { prompt, positive in
      (0..<count).map { index in
        (
          prompt,
          PictureRequest(
            positive: positive, negative: conditions.negative, width: width, height: height,
            guidance: Float(guidance), guidanceRescale: Float(guidanceRescale),
            seed: UInt64(seed) + UInt64(index))
        )
      }
    }
    let latents = try drawLatents(requests.map(\.1), sampler, backend, parts)
    let shape = FrameShape(samples: 1, height: height / 8, width: width / 8)
    let decoder = try LatentDecoder(backend, try parts.vae, weights: parts.weights, shape: shape)
    for (number, (request, latents)) in zip(requests, latents).enumerated() {
      let pixels = try decoder.decode(latents, shape)
      let image = Image(width: width, height: height, normalized: pixels)
      let path = freePath(number: number, seed: request.1.seed)
      let text = parameterText(request.0, seed: request.1.seed, sampler.prediction)
      try PNG.write(image, to: path, texts: [("parameters", text)])
      Shell.writeText("\(path)\n", to: .standardOutput)
    }
  }

  /// - Throws: `InputError` when the option names no known size or file.
  private func textEncoderSource() throws -> TextEncoderSource {
    guard let textEncoders else { return .checkpoint }
    guard let source = TextEncoderSource(.text(textEncoders)) else { return .checkpoint }
    switch source {
    case .checkpoint: break
    case .file(let path):
      try OptionCheck.requireFile("--text-encoders", path, "a checkpoint file")
    case .synthetic(let size) where SyntheticCheckpoint.Size(rawValue: size) == nil:
      throw InputError(
        "--text-encoders", expected: "synthetic:tiny, synthetic:odd or synthetic:full",
        found: textEncoders)
    case .synthetic: break
    }
    return source
  }

  /// The UNet leaves the device before the VAE comes.
  private func drawLatents(
    _ requests: [PictureRequest], _ sampler: SamplingProcess, _ backend: any Backend,
    _ parts: ModelParts
  ) throws -> [[Float]] {
    let unet = parts.checkpoint.configuration.unet
    let runner = try UNetRunner(
      backend, unet, weights: parts.weights, shape: requests[0].batchShape(unet))
    let terminal = Terminal.standardError
    let total = requests.count * sampler.table.timesteps.count
    var done = 0
    defer { if terminal.isInteractive { terminal.write("\r\u{1B}[K") } }
    return try requests.map { request in
      try sampler.draw(request, runner, unet) { _ in
        done += 1
        if terminal.isInteractive { terminal.write("\r\u{1B}[Ksample \(done)/\(total) steps") }
      }
    }
  }

  /// The text encoders leave the device when this returns.
  private func conditionings(
    _ backend: any Backend, _ parts: ModelParts
  ) throws -> (positive: [Conditioning], negative: Conditioning) {
    let conditioner = try TextConditioner(
      backend, parts.textConfiguration, weights: parts.textWeights, shape: 1)
    let tokenizer = CLIPTokenizer()
    for text in prompt + [negative] {
      let lost = tokenizer.encode(text).truncatedCount
      if lost > 0 {
        Terminal.standardError.write(
          "warning: the prompt is \(lost) tokens too long, its end is ignored: \(text)\n")
      }
    }
    return (try prompt.map(conditioner.encode), try conditioner.encode(negative))
  }

  private func makeSampler(_ markers: CheckpointMarkers) throws -> SamplingProcess {
    let predicted = prediction.objective ?? markers.prediction
    let zeroSNR = sampling.ztsnr || (prediction == .auto && markers.zeroTerminalSNR)
    try sampling.check(prediction: predicted, zeroTerminalSNR: zeroSNR)
    let settings = sampling.tableSettings(
      steps: steps, usualShift: trainedShift(markers),
      usualTerminalSigma: TableSettings.usualTerminalSigma)
    let table = SamplingTable(
      prediction: predicted, schedule: NoiseSchedule(zeroTerminalSNR: zeroSNR), settings)
    return SamplingProcess(
      prediction: predicted, table: table, method: sampling.sampler, eta: sampling.eta)
  }

  /// The shift that the model was trained with, at the picture's size.
  private func trainedShift(_ markers: CheckpointMarkers) -> Double {
    if let shift = markers.shiftAt1024 {
      return TimeDistribution.Shift.byResolution(at1024: shift).value(pixels: width * height)
    }
    return markers.shift ?? 1
  }

  private func checkSides(multiple: Int) throws {
    for (option, side) in [("--width", width), ("--height", height)] where side % multiple != 0 {
      throw InputError(
        option, expected: "a multiple of \(multiple) pixels, as this UNet needs", found: "\(side)",
        hint: "use \(max(multiple, side / multiple * multiple))")
    }
  }

  private func makeFolder() throws {
    do {
      try Files.makeFolder(out)
    } catch let error as InputError {
      throw InputError(
        "--out \(out)", expected: error.expected, found: error.found, hint: error.hint)
    }
  }

  /// A name that no file has yet: pictures are never overwritten.
  private func freePath(number: Int, seed: UInt64) -> String {
    var attempt = number
    while true {
      let digits = String(attempt)
      let name = String(repeating: "0", count: max(0, 4 - digits.count)) + digits
      let path = "\(out)/\(name)-seed\(seed).png"
      if !FileManager.default.fileExists(atPath: path) { return path }
      attempt += 1
    }
  }

  /// The text chunk, in the form that A1111 writes and viewers read.
  private func parameterText(_ prompt: String, seed: UInt64, _ type: PredictionType) -> String {
    let name = URL(fileURLWithPath: model).deletingPathExtension().lastPathComponent
    return """
      \(prompt)
      Negative prompt: \(negative)
      Steps: \(steps), Sampler: \(sampling.sampler.title), CFG scale: \(guidance), Seed: \(seed), \
      Size: \(width)x\(height), Model: \(name), Prediction: \(type.rawValue)
      """
  }
}
