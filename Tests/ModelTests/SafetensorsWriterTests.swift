import Foundation
import Graph
import Testing

@testable import Model

@Suite struct SafetensorsWriterTests {
  @Test func roundTripKeepsOrderTypesAndMetadata() throws {
    try CheckpointTestFiles.withFolder { folder in
      let path = folder + "/x.safetensors"
      let tensors = [
        TensorDescription(name: "z", dtype: .f16, shape: [2, 3]),
        TensorDescription(name: "a \"quoted\" \\ \u{1} 🙂", dtype: .i64, shape: [1]),
        TensorDescription(name: "empty", dtype: .f32, shape: [0]),
      ]
      let metadata = ["k\n": "v\t\u{7}\"", "": "empty key"]
      try SafetensorsWriter.write(tensors, metadata: metadata, to: path) { tensor, write in
        // In two pieces, to see that pieces are joined.
        let bytes = (0..<tensor.byteCount).map { UInt8($0) }
        try bytes.prefix(5).withUnsafeBytes(write)
        try bytes.dropFirst(5).withUnsafeBytes(write)
      }
      let file = try Safetensors(path: path)
      #expect(file.entries.map(\.description) == tensors)
      #expect(file.metadata == metadata)
      for entry in file.entries {
        file.withBytes(of: entry) { #expect($0.elementsEqual((0..<UInt8($0.count)))) }
      }
      let header = try Data(contentsOf: URL(fileURLWithPath: path)).prefix(8)
      #expect(header.reversed().reduce(0) { $0 << 8 | Int($1) }.isMultiple(of: 8))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["x.safetensors"])
    }
  }

  @Test(arguments: [0, 3, 100]) func fullDiskLeavesThePreviousFile(roomByteCount: Int) throws {
    try CheckpointTestFiles.withFolder { folder in
      let path = folder + "/x.safetensors"
      try Data("previous".utf8).write(to: URL(fileURLWithPath: path))
      var room = roomByteCount
      let error = #expect(throws: InputError.self) {
        try AtomicFile.write(
          to: path,
          writeCall: { descriptor, bytes, count in
            guard room > 0 else {
              errno = ENOSPC
              return -1
            }
            let written = Foundation.write(descriptor, bytes, min(count, room))
            room -= written
            return written
          }
        ) { file in
          try SafetensorsWriter.write(
            [TensorDescription(name: "a", dtype: .u8, shape: [64])], metadata: [:], to: &file
          ) { _, write in
            try [UInt8](repeating: 1, count: 64).withUnsafeBytes(write)
          }
        }
      }
      #expect(error?.found == "No space left on device")
      #expect(error?.place == path)
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("previous".utf8))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["x.safetensors"])
    }
  }

  @Test func failureOfTheContentsLeavesThePreviousFile() throws {
    try CheckpointTestFiles.withFolder { folder in
      let path = folder + "/x.safetensors"
      try Data("previous".utf8).write(to: URL(fileURLWithPath: path))
      #expect(throws: CancellationError.self) {
        try AtomicFile.write(to: path) { file in
          try file.write("half")
          throw CancellationError()
        }
      }
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("previous".utf8))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["x.safetensors"])
    }
  }

  @Test func shortWritesAreContinued() throws {
    try CheckpointTestFiles.withFolder { folder in
      let path = folder + "/x"
      var calls = 0
      try AtomicFile.write(
        to: path,
        writeCall: { descriptor, bytes, count in
          calls += 1
          guard calls != 2 else {
            errno = EINTR
            return -1
          }
          return Foundation.write(descriptor, bytes, min(count, 2))
        }
      ) { try $0.write("seven b") }
      #expect(try String(contentsOfFile: path, encoding: .utf8) == "seven b")
      #expect(calls == 5)
    }
  }

  @Test func placesThatCannotBeWrittenAreNamed() throws {
    try CheckpointTestFiles.withFolder { folder in
      try Data().write(to: URL(fileURLWithPath: folder + "/file"))
      for path in [folder + "/none/x", folder + "/file/x", folder, "/proc/x"] {
        let error = #expect(throws: InputError.self) {
          try AtomicFile.write(to: path) { try $0.write("x") }
        }
        #expect(error?.place == path)
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["file"])
    }
  }

  @Test func linkStaysALink() throws {
    try CheckpointTestFiles.withFolder { folder in
      try Data("old".utf8).write(to: URL(fileURLWithPath: folder + "/target"))
      try FileManager.default.createSymbolicLink(
        atPath: folder + "/link", withDestinationPath: "target")
      try AtomicFile.write(to: folder + "/link") { try $0.write("new") }
      #expect(try String(contentsOfFile: folder + "/target", encoding: .utf8) == "new")
      #expect(
        try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/link") == "target")
    }
  }
}

@Suite struct SafetensorsConversionTests {
  @Test(arguments: [
    (SafetensorsDType.f16, 2), (.bf16, 1), (.f32, 0), (.f64, 0),
  ]) func overflowIsCounted(dtype: SafetensorsDType, overflowCount: Int) {
    let values: [Float] = [1, -2, 70000, -.infinity, .nan, 0x1.FFp127, 0.25]
    var bytes = [UInt8](repeating: 0, count: values.count * dtype.byteCount)
    let count = values.withUnsafeBufferPointer { values in
      bytes.withUnsafeMutableBytes { FloatConversion.encode(values, as: dtype, into: $0) }
    }
    #expect(count == overflowCount)
    let decoded = [Float](unsafeUninitializedCapacity: values.count) { buffer, count in
      bytes.withUnsafeBytes { FloatConversion.decode($0, as: dtype, into: buffer) }
      count = values.count
    }
    #expect(decoded[0...1] == [1, -2])
    #expect(decoded[3] == -.infinity)
    #expect(decoded[4].isNaN)
    #expect(decoded[6] == 0.25)
  }
}
