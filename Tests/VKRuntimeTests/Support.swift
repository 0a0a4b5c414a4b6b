import Foundation
import VKRuntime

/// The device of the tests: lavapipe unless `VKXL_TEST_DEVICE` names another. Its cache is a folder
/// of its own, so that runs do not depend on what is in the user's.
let sharedDevice = Result {
  try Device(
    DeviceSelector.parse(ProcessInfo.processInfo.environment["VKXL_TEST_DEVICE"] ?? ""),
    cacheFolder: CacheFolder(path: temporaryFolder("shared")))
}

/// A new empty folder.
func temporaryFolder(_ name: String) -> String {
  NSTemporaryDirectory() + "/vkxl-\(name)-\(UUID().uuidString)"
}

/// SPIR-V of a shader in `Fixtures`.
func fixture(_ name: String) throws -> [UInt32] {
  let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Fixtures/\(name).spv")
  let data = try Data(contentsOf: file)
  return data.withUnsafeBytes { raw in
    stride(from: 0, to: raw.count, by: 4).map {
      raw.loadUnaligned(fromByteOffset: $0, as: UInt32.self)
    }
  }
}

/// The launch parameters of `vector_add.comp`.
struct VectorAddParameters: BitwiseCopyable {
  var a: UInt64
  var b: UInt64
  var c: UInt64
  var count: UInt32
}

/// The launch parameters of `recurrence.comp`.
struct RecurrenceParameters: BitwiseCopyable {
  var x: UInt64
  var count: UInt32
  var rounds: UInt32
}

extension Device {
  func vectorAddPipeline(scale: Float = 1, groupSize: UInt32 = 64) throws -> Pipeline {
    try makePipeline(
      PipelineDescription(
        name: "vector_add", spirv: fixture("vector_add"),
        specialization: [0: groupSize, 1: scale.bitPattern],
        parameterByteCount: MemoryLayout<VectorAddParameters>.size))
  }

  func recurrencePipeline() throws -> Pipeline {
    try makePipeline(
      PipelineDescription(
        name: "recurrence", spirv: fixture("recurrence"),
        parameterByteCount: MemoryLayout<RecurrenceParameters>.size))
  }
}

/// What `recurrence.comp` makes of a word.
func recurrence(_ start: UInt32, rounds: Int) -> UInt32 {
  (0..<rounds).reduce(start) { value, _ in 1_664_525 &* value &+ 1_013_904_223 }
}
