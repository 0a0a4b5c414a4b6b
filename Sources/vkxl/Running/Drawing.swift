import Data
import Foundation
import Graph
import Model
import Shaders
import Train

extension SampleCommand {
  func draw() throws {
    let jobs = try jobs()
    let parts = try Opening.model(
      model, parts: [.unet, .vae],
      textEncoders: try textEncoderSource(), textEncodersKey: "--text-encoders")
    let configuration = parts.checkpoint.configuration
    for job in jobs { try checkSides(job, multiple: 8 * configuration.unet.latentMultiple) }
    let markers = try CheckpointMarkers(reading: parts.checkpoint.file)
    let processes = try jobs.map { try makeProcess($0, markers) }
    let backend = try Opening.backend(device.device, validate: device.validate)
    try makeFolder()
    let requests = try requests(jobs, backend, parts)
    let latents = try drawLatents(
      zip(requests, processes).map { Picture(request: $0, process: $1) }, backend, parts)
    let decoder = try LatentDecoder(
      backend, try parts.vae, weights: parts.weights, shape: jobs[0].latentShape)
    var images: [Image] = []
    for (number, job) in jobs.enumerated() {
      let image = Image(
        width: job.width, height: job.height,
        normalized: try decoder.decode(latents[number], job.latentShape))
      let text = job.parameterText(
        processes[number], details(job, markers), model: model)
      try write(image, "seed\(job.seed)", number: number, text)
      images.append(image)
    }
    if grid, images.count > 1 {
      let columns = count > 1 ? count : Int(Double(images.count).squareRoot().rounded(.up))
      let prompts = jobs.map(\.prompt).joined(separator: "\n")
      try write(ImageGrid(images, columns: columns).image(), "grid", number: jobs.count, prompts)
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

  /// The text encoders leave the device when this returns.
  private func requests(
    _ jobs: [PictureJob], _ backend: any Backend, _ parts: ModelParts
  ) throws -> [PictureRequest] {
    let conditioner = try TextConditioner(
      backend, parts.textConfiguration, weights: parts.textWeights, shape: 1)
    var encoded: [String: Conditioning] = [:]
    func conditioning(_ prompt: String) throws -> Conditioning {
      if let known = encoded[prompt] { return known }
      let new = try conditioner.encode(prompt: prompt)
      encoded[prompt] = new
      return new
    }
    return try jobs.map { job in
      let (positive, negative) = Conditioning.matched(
        try conditioning(job.prompt), try conditioning(job.negative))
      return PictureRequest(
        positive: positive, negative: negative, width: job.width, height: job.height,
        guidance: Float(job.guidance), guidanceRescale: Float(guidanceRescale), seed: job.seed)
    }
  }

  private func makeProcess(
    _ job: PictureJob, _ markers: CheckpointMarkers
  ) throws -> SamplingProcess {
    let (predicted, zeroSNR) = objective(markers)
    try sampling.check(prediction: predicted, zeroTerminalSNR: zeroSNR)
    let table = SamplingTable(
      prediction: predicted, schedule: NoiseSchedule(zeroTerminalSNR: zeroSNR),
      tableSettings(job, markers))
    return SamplingProcess(
      prediction: predicted, table: table, method: sampling.sampler, eta: sampling.eta)
  }

  private func objective(
    _ markers: CheckpointMarkers
  ) -> (prediction: PredictionType, zeroTerminalSNR: Bool) {
    (
      prediction.objective ?? markers.prediction,
      sampling.ztsnr || (prediction == .auto && markers.zeroTerminalSNR)
    )
  }

  private func tableSettings(_ job: PictureJob, _ markers: CheckpointMarkers) -> TableSettings {
    sampling.tableSettings(
      steps: job.steps, usualShift: trainedShift(markers, pixels: job.width * job.height),
      usualTerminalSigma: TableSettings.usualTerminalSigma)
  }

  /// What the picture's text says beside prompt, sampler and size, so that it can be drawn again.
  func details(
    _ job: PictureJob, _ markers: CheckpointMarkers
  ) -> [(name: String, value: String)] {
    let (prediction, zeroTerminalSNR) = objective(markers)
    let settings = tableSettings(job, markers)
    var details: [(name: String, value: String)] = []
    if prediction == .flow {
      details.append(("Shift", "\(settings.shift)"))
    } else {
      details.append(("Schedule type", settings.spacing.rawValue))
    }
    if let sigma = settings.rampMaximum { details.append(("Sigma max", "\(sigma)")) }
    if zeroTerminalSNR {
      details.append(("Zero terminal SNR", "true"))
      details.append(("Terminal sigma", "\(settings.terminalSigma)"))
      if settings.beginsAtTerminal { details.append(("Infinite first step", "true")) }
    }
    if let eta = sampling.eta ?? sampling.sampler.usualEta {
      details.append(("Eta", "\(eta)"))
    }
    if guidanceRescale != 0 { details.append(("CFG rescale", "\(guidanceRescale)")) }
    return details
  }

  /// The shift that the model was trained with, at the picture's size.
  private func trainedShift(_ markers: CheckpointMarkers, pixels: Int) -> Double {
    if let shift = markers.shiftAt1024 {
      return TimeDistribution.Shift.byResolution(at1024: shift).value(pixels: pixels)
    }
    return markers.shift ?? 1
  }

  private func checkSides(_ job: PictureJob, multiple: Int) throws {
    for (option, side) in [("--width", job.width), ("--height", job.height)]
    where side % multiple != 0 {
      throw InputError(
        job.place.isEmpty ? option : "\(job.place): \(option)",
        expected: "a multiple of \(multiple) pixels, as this UNet needs", found: "\(side)",
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

  /// Writes a picture under a name that no file has yet, and tells it.
  private func write(_ image: Image, _ suffix: String, number: Int, _ text: String) throws {
    var attempt = number
    var path: String
    repeat {
      let digits = String(attempt)
      let name = String(repeating: "0", count: max(0, 4 - digits.count)) + digits
      path = "\(out)/\(name)-\(suffix).png"
      attempt += 1
    } while FileManager.default.fileExists(atPath: path)
    try PNG.write(image, to: path, texts: [("parameters", text)])
    Shell.writeText("\(path)\n", to: .standardOutput)
  }
}
