import Foundation
import Graph
import Model
import Shaders
import Testing
import Train
import VKRuntime

/// One device for all tests of this module.
enum SharedBackend {
  private static let result = Result { try VulkanBackend(Device()) }
  static var vulkan: VulkanBackend { get throws { try result.get() } }
}

/// Files of `reference.py` (torch 2.13.0, diffusers 0.42.1), by name.
enum Fixture {
  static func open(_ name: String) throws -> Safetensors {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    return try Safetensors(path: folder.appending(path: "Fixtures/\(name).safetensors").path)
  }
}

/// A folder that is removed with the test.
final class TemporaryFolder {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "vkxl-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// The tiny model with synthetic weights.
enum Tiny {
  static let configuration = SDXLConfiguration.tiny
  static let weights = ParameterReader(synthetic: configuration.manifest)

  static func shape(samples: Int, height: Int = 8, width: Int = 8) -> BatchShape {
    BatchShape(
      samples: samples, height: height, width: width,
      contextWidth: configuration.unet.contextWidth, pooledWidth: configuration.unet.pooledWidth)
  }

  /// A reproducible batch; the last `fillers` samples count nothing.
  static func batch(_ shape: BatchShape, seed: UInt64, fillers: Int = 0) -> LatentBatch {
    let n = shape.samples
    return LatentBatch(
      shape: shape, latents: SyntheticTensors.inputs("latents", shape: shape.latents, seed: seed),
      context: SyntheticTensors.inputs(
        "context", shape: [n, shape.tokens, shape.contextWidth], seed: seed),
      pooled: SyntheticTensors.inputs("pooled", shape: [n, shape.pooledWidth], seed: seed),
      timeIDs: [Float](repeating: 64, count: n * 6),
      weights: (0..<n).map { $0 < n - fillers ? 1 : 0 })
  }

  static func settings(
    _ prediction: PredictionType = .flow, steps: Int = 6, storage: UNetStorage = .f32
  ) -> TrainerSettings {
    TrainerSettings(
      objective: Objective(
        prediction: prediction, schedule: NoiseSchedule(zeroTerminalSNR: prediction == .v)),
      schedule: LearningRateSchedule(shape: .cosine, rate: 1e-3, warmupSteps: 2, steps: steps),
      maximumNorm: 1, seed: 5, storage: storage)
  }

  /// Reproducible inputs of a plan; whole numbers are positive.
  static func inputs(_ plan: Plan) -> [String: TensorData] {
    Dictionary(
      uniqueKeysWithValues: plan.inputs.map { name, type in
        let values = SyntheticTensors.inputs(name, shape: type.shape, seed: 1)
        let isWhole = type.dtype == .i32
        return (
          name,
          TensorData(
            type, doubles: values.map { isWhole ? Double(abs($0)).rounded(.up) : Double($0) })
        )
      })
  }

  /// What persists in training where gradients are kept.
  static func variables(
    _ planner: any Planner, _ settings: TrainerSettings, _ shape: BatchShape
  ) throws -> [Variable] {
    try StepPlanner(
      planner, settings: settings, gradients: .kept, budgetByteCount: nil, shapes: [shape],
      accumulation: 1,
      denoiser: UNetRunner.denoiser(configuration.unet, storage: settings.storage)
    ).variables
  }

  static func trainer(
    _ backend: any Backend, _ settings: TrainerSettings, _ shape: BatchShape,
    accumulation: Int = 1, memory: MemoryPolicy = MemoryPolicy()
  ) throws -> Trainer {
    let trainer = try Trainer(
      backend: backend, settings: settings, shape: shape, accumulation: accumulation,
      memory: memory,
      denoiser: UNetRunner.denoiser(configuration.unet, storage: settings.storage))
    try weights.load(trainer.parameters, into: trainer.store)
    return trainer
  }
}

func relativeError(_ found: [Double], _ expected: [Double]) -> Double {
  let type = TensorType([found.count])
  return relativeError(HostTensor(type, found), HostTensor(type, expected))
}
