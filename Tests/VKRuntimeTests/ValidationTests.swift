import Testing

@testable import VKRuntime

/// With the layer missing, opening a device must say which package has it; the rest is skipped.
@Suite struct ValidationTests {
  private func validatingDevice() throws -> Device? {
    do {
      return try Device(validate: true, cacheFolder: nil)
    } catch let error as VulkanError where error.kind == .missingLayer {
      #expect(error.description.contains("package vulkan-validationlayers"))
      return nil
    }
  }

  @Test func reportsADeliberateMistakeByName() throws {
    guard let device = try validatingDevice() else { return }
    #expect(device.isValidating)
    let arena = try Arena(device, kind: .device, byteCount: 64, name: "overlapping arena")
    let stream = try CommandStream(device, name: "mistake")
    // Never submitted: overlapping ranges are undefined.
    stream.copy(from: arena, offset: 0, to: arena, offset: 16, byteCount: 32)
    let messages = device.takeValidationMessages()
    #expect(messages.contains { $0.contains("vkCmdCopyBuffer") && $0.contains("overlap") })
    #expect(messages.contains { $0.contains("overlapping arena") || $0.contains("mistake") })
    #expect(device.validationMessages.isEmpty)
    try stream.end()
  }

  @Test func isSilentOtherwise() throws {
    guard let device = try validatingDevice() else { return }
    do {
      let words = try Arena(device, kind: .upload, byteCount: 256, name: "words")
      let copy = try Arena(device, kind: .readback, byteCount: 256, name: "copy")
      words.write([UInt32](repeating: 3, count: 64))
      let pipeline = try device.recurrencePipeline()
      let launches = (0..<20).map { index in
        SegmentLaunch(name: "launch \(index)", cost: 1) { stream in
          stream.dispatch(
            pipeline, groups: Groups(1),
            parameters: RecurrenceParameters(x: words.deviceAddress, count: 64, rounds: 2))
          stream.barrier()
          stream.copy(from: words, offset: 0, to: copy, offset: 0, byteCount: 256)
          stream.barrier()
        }
      }
      let program = try SegmentedProgram(device, name: "program", launches: launches)
      let timeline = try Timeline(device, name: "timeline")
      for _ in 0..<4 { try timeline.wait(for: program.submit(on: timeline), timeoutSeconds: 60) }
      let expected = recurrence(3, rounds: 4 * 20 * 2)
      #expect(copy.read(UInt32.self, count: 64).allSatisfy { $0 == expected })
    }
    #expect(device.validationMessages == [])
  }

  @Test func isOffUnlessAskedFor() throws {
    let device = try Device(validate: false, cacheFolder: nil)
    #expect(!device.isValidating)
    #expect(device.validationMessages.isEmpty)
  }
}
