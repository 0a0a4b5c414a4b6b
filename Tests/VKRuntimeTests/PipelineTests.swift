import Foundation
import Testing

@testable import VKRuntime

@Suite struct PipelineTests {
  @Test func makesManyInParallelInOrder() throws {
    let device = try sharedDevice.get()
    let descriptions = try (1...9).map { index in
      PipelineDescription(
        name: "add \(index)", spirv: try fixture("vector_add"),
        specialization: [0: 8, 1: Float(index).bitPattern], parameterByteCount: 28)
    }
    let pipelines = try device.makePipelines(descriptions)
    #expect(pipelines.map(\.name) == descriptions.map(\.name))
    let words = try Arena(device, kind: .readback, byteCount: 4 * 12, name: "words")
    words.write([2, 10] as [Float])
    let stream = try CommandStream(device, name: "scales")
    for (index, pipeline) in pipelines.enumerated() {
      stream.dispatch(
        pipeline, groups: Groups(1),
        parameters: VectorAddParameters(
          a: words.deviceAddress, b: words.deviceAddress + 4,
          c: words.deviceAddress + UInt64(8 + 4 * index), count: 1))
    }
    try stream.end()
    let timeline = try Timeline(device, name: "scales")
    try timeline.wait(for: timeline.submit([stream]), timeoutSeconds: 60)
    let expected: [Float] = [12, 14, 16, 18, 20, 22, 24, 26, 28]
    #expect(words.read(Float.self, count: 9, at: 8) == expected)
  }

  @Test func keepsTheDriversCacheOnDisk() throws {
    let folder = CacheFolder(path: temporaryFolder("pipelines"))
    defer { try? FileManager.default.removeItem(atPath: folder.path) }
    let name: String
    do {
      let device = try Device(cacheFolder: folder)
      name = device.pipelineCache.fileName
      #expect(folder.read(name) == nil)
      _ = try device.makePipelines([
        PipelineDescription(
          name: "recurrence", spirv: fixture("recurrence"), parameterByteCount: 16)
      ])
      let stored = try #require(folder.read(name))
      #expect(PipelineCache.isUsable(stored, by: device.information))
    }
    // A damaged file is ignored, and replaced at the next chance.
    try Data("not a cache".utf8).write(to: URL(fileURLWithPath: "\(folder.path)/\(name)"))
    let device = try Device(cacheFolder: folder)
    _ = try device.recurrencePipeline()
    try device.savePipelineCache()
    #expect(folder.read(name) != nil)
  }

  @Test func refusesTheCacheOfAnotherDevice() throws {
    var information = try sharedDevice.get().information
    let header: [UInt32] = [32, 1, information.vendorID, information.deviceID]
    let uuid = stride(from: 0, to: 32, by: 2).compactMap { start in
      UInt8(information.pipelineCacheUUID.dropFirst(start).prefix(2), radix: 16)
    }
    let data = header.flatMap { word in withUnsafeBytes(of: word) { Array($0) } } + uuid
    #expect(PipelineCache.isUsable(data, by: information))
    #expect(!PipelineCache.isUsable(Array(data.dropLast()), by: information))
    information.deviceID += 1
    #expect(!PipelineCache.isUsable(data, by: information))
    information.deviceID -= 1
    information.pipelineCacheUUID = String(repeating: "0", count: 32)
    #expect(!PipelineCache.isUsable(data, by: information))
  }

  @Test func saysWhichLimitAKernelExceeds() throws {
    let device = try sharedDevice.get()
    var description = PipelineDescription(
      name: "recurrence", spirv: try fixture("recurrence"), parameterByteCount: 16)
    description.subgroupSize = 2 * device.limits.subgroupSizes.upperBound
    let subgroup = try #require(throws: VulkanError.self) { try device.makePipeline(description) }
    #expect(subgroup.kind == .unsupported)
    #expect(
      subgroup.detail.contains("it needs subgroups of \(description.subgroupSize ?? 0)"))
    description.subgroupSize = nil
    description.parameterByteCount = device.limits.maxPushConstantByteCount + 4
    let parameters = try #require(throws: VulkanError.self) {
      try device.makePipelines([description])
    }
    #expect(parameters.detail.contains("allows \(device.limits.maxPushConstantByteCount)"))
  }

  @Test func acceptsTheDevicesOwnSubgroupSize() throws {
    let device = try sharedDevice.get()
    let pipeline = try device.makePipeline(
      PipelineDescription(
        name: "recurrence", spirv: fixture("recurrence"), parameterByteCount: 16,
        subgroupSize: device.limits.subgroupSize,
        requiresFullSubgroups: device.features.contains(.computeFullSubgroups)))
    #expect(pipeline.parameterByteCount == 16)
  }

  @Test func givesTheCompilersFiguresWhereTheDriverDoes() throws {
    let device = try sharedDevice.get()
    let pipeline = try device.makePipeline(
      PipelineDescription(
        name: "recurrence", spirv: fixture("recurrence"), parameterByteCount: 16,
        capturesStatistics: true))
    let isThere = device.enabledExtensions.contains("VK_KHR_pipeline_executable_properties")
    #expect(try pipeline.statistics.isEmpty != isThere)
  }
}
