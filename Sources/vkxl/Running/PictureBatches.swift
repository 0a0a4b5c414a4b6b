import Data
import Foundation
import Graph
import Model
import Shaders
import Train

/// A picture to draw, with the walk that draws it.
struct Picture {
  var request: PictureRequest
  var process: SamplingProcess

  /// Whether both can be drawn in one batch.
  func canShareBatch(with other: Picture) -> Bool {
    process == other.process && request.canShareBatch(with: other.request)
  }
}

/// Which pictures are drawn together.
enum PictureBatches {
  /// Pictures at once unless asked for another number, if the memory allows it: more make previews rare
  /// and no device much faster.
  static let usualLimit = 8

  /// Indices of the pictures of each batch: those that can share one, in the order in which the first
  /// of them was asked for.
  /// - Parameter limit: pictures of a batch, for a number of pictures of one kind; at least 1
  static func indices(
    of pictures: [Picture], limit: (_ kind: Picture, _ count: Int) throws -> Int
  ) rethrows -> [[Int]] {
    var kinds: [[Int]] = []
    for (index, picture) in pictures.enumerated() {
      let kind = kinds.firstIndex { pictures[$0[0]].canShareBatch(with: picture) }
      if let kind { kinds[kind].append(index) } else { kinds.append([index]) }
    }
    return try kinds.flatMap { kind in
      let size = try limit(pictures[kind[0]], kind.count)
      return stride(from: 0, to: kind.count, by: size).map {
        Array(kind[$0..<min($0 + size, kind.count)])
      }
    }
  }

  /// As many of `count` pictures as fit, by halving.
  static func fitting(_ count: Int, _ fits: (Int) throws -> Bool) rethrows -> Int {
    var size = min(count, usualLimit)
    while size > 1, try !fits(size) { size /= 2 }
    return size
  }
}

extension SampleCommand {
  /// The latents of each picture. The UNet leaves the device before the VAE comes, unless previews need
  /// both.
  func drawLatents(
    _ pictures: [Picture], _ backend: VulkanBackend, _ parts: ModelParts
  ) throws -> [[Float]] {
    guard let first = pictures.first else { return [] }
    let unet = parts.checkpoint.configuration.unet
    let plans = try NetworkPlans<UNetRunner>(
      backend, unet.stored(try precision.storage(on: backend)))
    let decoderPlans = try preview.map { _ in
      try NetworkPlans<LatentDecoder>(backend, try parts.vae)
    }
    let available = Int(backend.device.availableByteCount)
    let batches = try PictureBatches.indices(of: pictures) { kind, count in
      if let batch { return batch }
      let decoding = try decoderPlans?.memory([kind.request.latentShape]).total ?? 0
      return try PictureBatches.fitting(count) {
        let use = try plans.memory([kind.request.batchShape(unet, pictures: $0)])
        return use.total + decoding < available / 10 * 8
      }
    }
    let runner = try UNetRunner(
      backend, plans, weights: parts.weights,
      shape: first.request.batchShape(unet, pictures: batches[0].count))
    let decoder = try decoderPlans.map {
      try LatentDecoder(
        backend, $0, weights: parts.weights, shape: first.request.latentShape)
    }
    let terminal = Terminal.standardError
    let total = batches.reduce(0) { $0 + pictures[$1[0]].process.table.timesteps.count }
    var done = 0
    defer { if terminal.isInteractive { terminal.write("\r\u{1B}[K") } }
    var latents = [[Float]](repeating: [], count: pictures.count)
    for batch in batches {
      let requests = batch.map { pictures[$0].request }
      let drawn = try pictures[batch[0]].process.draw(requests, runner, unet) { progress in
        done += 1
        if terminal.isInteractive { terminal.write("\r\u{1B}[Ksample \(done)/\(total) steps") }
        if let decoder, let preview, progress.step % preview == 0 {
          try writePreview(progress, requests, decoder)
        }
      }
      for (index, values) in zip(batch, drawn) { latents[index] = values }
    }
    return latents
  }

  /// Decodes the clean latents of a batch as estimated so far: several pictures in rows.
  private func writePreview(
    _ progress: SamplingProcess.Progress, _ requests: [PictureRequest], _ decoder: LatentDecoder
  ) throws {
    let count = progress.estimate.count / requests.count
    let images = try requests.enumerated().map { index, request in
      let latents = progress.estimate[index * count..<(index + 1) * count].map { $0 / latentScale }
      return Image(
        width: request.width, height: request.height,
        normalized: try decoder.decode(latents, request.latentShape))
    }
    let columns = Int(Double(images.count).squareRoot().rounded(.up))
    let preview = images.count == 1 ? images[0] : ImageGrid(images, columns: columns).image()
    try PNG.write(preview, to: "\(out)/preview.png")
  }
}
