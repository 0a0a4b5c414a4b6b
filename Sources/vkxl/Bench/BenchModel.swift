import ArgumentParser
import Foundation
import Graph
import Model
import Train

/// Model and batch of `vkxl bench step` and `vkxl bench memory`.
struct BenchModelOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Widths and depths of the model: tiny, odd, full (SDXL's own), or a checkpoint's file.",
      valueName: "size|file"))
  var size: String

  @Option(
    help: ArgumentHelp(
      "Width of the pictures in pixels (default: 1024, or 128 for tiny and odd).",
      valueName: "pixels"))
  var width: Int?

  @Option(
    help: ArgumentHelp(
      "Height of the pictures in pixels (default: 1024, or 128 for tiny and odd).",
      valueName: "pixels"))
  var height: Int?

  @Option(help: "Samples at once.")
  var batch = 1

  /// - Throws: `InputError` for a size that is neither known nor a file, or sides that do not suit
  ///   the model.
  func model() throws -> BenchModel {
    try OptionCheck.require("--batch", batch, in: 1...256)
    let known = SyntheticCheckpoint.Size(rawValue: size)
    let model =
      try known.map { BenchModel(unet: $0.configuration.unet, name: $0.rawValue) }
      ?? storedModel()
    let usualSide = known == .tiny || known == .odd ? 128 : 1024
    return try model.shaped(
      samples: batch, width: width ?? usualSide, height: height ?? usualSide)
  }

  private func storedModel() throws -> BenchModel {
    guard FileManager.default.fileExists(atPath: size) else {
      let sizes = SyntheticCheckpoint.Size.allCases.map(\.rawValue).joined(separator: ", ")
      throw InputError(
        "--size \(size)", expected: "\(sizes) or a checkpoint's file", found: "no such file")
    }
    let checkpoint = try SDXLCheckpoint(path: size, parts: [.unet])
    let name = URL(fileURLWithPath: size).lastPathComponent
    var model = BenchModel(unet: checkpoint.configuration.unet, name: name)
    model.weights = ParameterReader(
      checkpoint.file, manifest: checkpoint.configuration.manifest)
    return model
  }
}

/// A UNet and a batch to train it on.
struct BenchModel {
  let unet: UNetConfiguration
  /// A known size, or the name of a checkpoint's file.
  let name: String
  /// A checkpoint's; nil for noise.
  var weights: ParameterReader?
  private(set) var shape: BatchShape
  var storage = UNetStorage.f32

  init(unet: UNetConfiguration, name: String) {
    self.unet = unet
    self.name = name
    shape = BatchShape(
      samples: 1, height: 0, width: 0, channels: unet.inputChannels,
      contextWidth: unet.contextWidth, pooledWidth: unet.pooledWidth)
  }

  /// - Parameters:
  ///   - width: in pixels, as `height`
  /// - Throws: `InputError` when the sides do not suit the UNet's levels.
  fileprivate func shaped(samples: Int, width: Int, height: Int) throws -> BenchModel {
    let multiple = 8 * unet.latentMultiple
    for (option, side) in [("--width", width), ("--height", height)] {
      try OptionCheck.require(option, side, in: multiple...8192, unit: "pixels")
      guard side.isMultiple(of: multiple) else {
        throw InputError(
          option, expected: "a multiple of \(multiple) pixels, as this UNet needs",
          found: "\(side)", hint: "use \(side / multiple * multiple)")
      }
    }
    var model = self
    (model.shape.samples, model.shape.height, model.shape.width) = (
      samples, height / 8, width / 8
    )
    return model
  }

  var denoiser: Denoiser { UNetRunner.denoiser(unet, storage: storage) }

  /// For example `tiny, 128x128 pixels, batch 2, f32`.
  var description: String {
    "\(name), \(8 * shape.width)x\(8 * shape.height) pixels, batch \(shape.samples), "
      + storage.activations.rawValue
  }

  /// Latents and conditioning of noise.
  var batch: LatentBatch {
    func noise(_ count: Int) -> [Float] { BenchNoise.values(count, scale: 1) }
    let n = shape.samples
    let sides = [shape.height, shape.width].map { Float(8 * $0) }
    return LatentBatch(
      shape: shape, latents: noise(n * shape.height * shape.width * shape.channels),
      context: noise(n * shape.tokens * shape.contextWidth), pooled: noise(n * shape.pooledWidth),
      timeIDs: (0..<n).flatMap { _ in sides + [0, 0] + sides },
      weights: [Float](repeating: 1, count: n))
  }

  /// Writes all parameters: the checkpoint's; or noise of a scale that keeps activations in bounds,
  /// with norms of weight 1 and no biases.
  func load(_ variables: [Variable], into store: any Store) throws {
    if let weights { return try weights.load(variables, into: store) }
    for variable in variables where variable.kind != .state {
      let isScale = variable.name.hasSuffix(".weight")
      let values =
        variable.type.rank > 1
        ? BenchNoise.values(BenchNoise.period, scale: 0.02)
        : [isScale ? 1 : 0]
      let type = TensorType([values.count], variable.type.dtype)
      let bytes = TensorData(type, floats: values).bytes
      try store.write(to: variable.name) { range, target in
        Self.fill(target, repeating: bytes, from: range.lowerBound)
      }
    }
  }

  /// Copies a pattern over and over, from a position of an endless row of them.
  private static func fill(
    _ target: UnsafeMutableRawBufferPointer, repeating pattern: [UInt8], from start: Int
  ) {
    pattern.withUnsafeBytes { pattern in
      var (done, position) = (0, start % pattern.count)
      while done < target.count {
        let part = min(pattern.count - position, target.count - done)
        UnsafeMutableRawBufferPointer(rebasing: target[done..<done + part])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: pattern[position..<position + part]))
        (done, position) = (done + part, 0)
      }
    }
  }
}

/// The same noise again and again, about normal.
enum BenchNoise {
  /// Numbers until they come again.
  static let period = 65_537

  private static let pattern: [Float] = {
    var state: UInt64 = 1
    return (0..<period).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let parts = (0..<4).map { Float((state >> (16 * $0)) & 0xffff) / 65_536 }
      return (parts.reduce(0, +) - 2) * Float(3).squareRoot()
    }
  }()

  static func values(_ count: Int, scale: Float) -> [Float] {
    let scaled = pattern.map { $0 * scale }
    return [Float](unsafeUninitializedCapacity: count) { values, filled in
      while filled < count {
        let part = min(scaled.count, count - filled)
        _ = values[filled..<filled + part].initialize(from: scaled[..<part])
        filled += part
      }
    }
  }
}
