import Foundation
import Graph
import Model
import Shaders
import Testing
import Train
import VKRuntime

/// Parameters on their way from a file to a device and back, piece by piece.
@Suite(.serialized) struct ParameterStreamingTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Vectors, matrices, a convolution of 1 x 1; convolutions of less than a block and of several.
  static let shapes = [[7], [5, 3], [3, 5, 1, 1], [4, 37, 3, 3], [70, 301, 3, 2]]

  static let stores: [(String, @Sendable () throws -> any Backend)] = [
    ("reference", { ReferenceBackend(exact: false) }), ("mapped", { try SharedBackend.vulkan }),
    // Halves of 8 KiB: pieces end within runs of channels.
    (
      "staged",
      { VulkanBackend(try Device(assumesDiscrete: true), stagingByteCount: 16 << 10) }
    ),
  ]

  static func manifest(_ shapes: [[Int]]) -> [ManifestEntry] {
    shapes.enumerated().map { ManifestEntry(name: "w\($0)", shape: $1) }
  }

  /// Values in [-1, 1), all of them different from their neighbours.
  func file(
    _ manifest: [ManifestEntry], _ dtype: SafetensorsDType,
    change: (inout [Float]) -> Void = { _ in }
  ) throws -> Safetensors {
    let path = folder.path + "/\(dtype.rawValue).safetensors"
    let tensors = manifest.map {
      TensorDescription(name: $0.name, dtype: dtype, shape: $0.shape)
    }
    try SafetensorsWriter.write(tensors, metadata: [:], to: path) { tensor, write in
      var values = SyntheticTensors.uniform(tensor.name, count: tensor.elementCount)
      change(&values)
      let bytes = UnsafeMutableRawBufferPointer.allocate(
        byteCount: tensor.byteCount, alignment: 8)
      defer { bytes.deallocate() }
      _ = values.withUnsafeBufferPointer { FloatConversion.encode($0, as: dtype, into: bytes) }
      try write(UnsafeRawBufferPointer(bytes))
    }
    return try Safetensors(path: path)
  }

  @Test(arguments: [SafetensorsDType.f16, .bf16, .f32, .f64], [DType.f32, .f16, .bf16])
  func everyElementArrivesAndReturns(dtype: SafetensorsDType, storage: DType) throws {
    let manifest = Self.manifest(Self.shapes)
    let file = try file(manifest, dtype)
    let variables = manifest.map {
      Variable(
        name: $0.name, type: TensorType($0.layout.graphShape, storage),
        kind: .parameter(trained: true))
    }
    let reader = ParameterReader(file, manifest: manifest)
    for (name, make) in Self.stores {
      let store = try make().makeStore(variables)
      try reader.load(variables, into: store)
      for (entry, variable) in zip(manifest, variables) {
        let values = try file.floats(entry.name)
        let expected = TensorData(variable.type, floats: entry.layout.toGraph(values))
        let found = try store.read(entry.name)
        #expect(found == expected, "\(entry.shape) in \(name)")
        // Pieces of one output channel and of some.
        for pieceByteCount in [1, 3000] {
          let saved = TensorReplacement(
            entry.layout, of: store, pieceByteCount: pieceByteCount)
          var bytes: [UInt8] = []
          try saved.forEachPiece { bytes += $0 }
          let inFile = TensorData(variable.type, floats: entry.layout.toFile(expected.floats))
          #expect(saved.dtype == SafetensorsDType(storage))
          #expect(bytes == inFile.bytes, "\(entry.shape) from \(name)")
        }
      }
    }
  }

  @Test(arguments: [DType.f32, .f16, .bf16]) func faultsAreCounted(storage: DType) throws {
    let manifest = Self.manifest([[70_000], [300, 301], [70, 301, 3, 2]])
    let file = try file(manifest, SafetensorsDType(storage)) { values in
      if values.count == 90_300 { return }
      values[3] = .infinity
      values[values.count - 1] = .nan
    }
    let variables = manifest.map {
      Variable(
        name: $0.name, type: TensorType($0.layout.graphShape, storage),
        kind: .parameter(trained: true))
    }
    let store = try SharedBackend.vulkan.makeStore(variables)
    let reader = ParameterReader(file, manifest: manifest)
    let error = #expect(throws: InputError.self) { try reader.load(variables, into: store) }
    #expect(error?.found == "2 values of w0 that are not, 2 values of w2 that are not")
  }

  /// Matrices and convolutions of 300 MB, in pieces through a ring of 32 MB.
  @Test(arguments: [DType.f16, .bf16, .f32]) func memoryStaysFarBelowTheFile(
    storage: DType
  ) throws {
    let manifest = Self.manifest(
      [[Int]](repeating: [4096, 4096], count: 8) + [[1280, 1280, 3, 3], [640, 2560, 3, 3]])
    let file = try file(manifest, .f16)
    let byteCount = file.fileByteCount
    #expect(byteCount > 300_000_000)
    let variables = manifest.map {
      Variable(
        name: $0.name, type: TensorType($0.layout.graphShape, storage),
        kind: .parameter(trained: true))
    }
    let ring = 32 << 20
    let backend = VulkanBackend(
      try Device(assumesDiscrete: true), stagingByteCount: ring)
    // Zeroed, so that all of the device's memory, which is the host's here, is there before.
    let store = try backend.makeStore(variables)
    let reader = ParameterReader(file, manifest: manifest)
    let loading = try ResidentMemory.growth { try reader.load(variables, into: store) }
    let path = folder.path + "/saved.safetensors"
    let saving = try ResidentMemory.growth {
      _ = try CheckpointWriter.save(
        file, replacement: { TensorReplacement(reader.layout($0.name), of: store) }, markers: nil,
        to: path)
    }
    // The ring, the pages of two tensors of the file (33 MB each), small blocks.
    let limit = ring + (100 << 20)
    #expect(loading < limit, "loading took \(loading >> 20) MiB of \(byteCount >> 20)")
    #expect(saving < limit, "saving took \(saving >> 20) MiB of \(byteCount >> 20)")
    let saved = try Safetensors(path: path)
    for entry in file.entries {
      let isSame = try saved.withBytes(of: saved.entry(entry.name)) { found in
        file.withBytes(of: entry) { $0.elementsEqual(found) }
      }
      #expect(isSame || storage == .bf16, "\(entry.name)")
    }
  }
}

/// Memory of this process, as the system counts it.
enum ResidentMemory {
  /// By how many bytes resident memory, mapped files included, rises while `body` runs.
  static func growth(_ body: () throws -> Void) throws -> Int {
    // Peak back to what is there now (proc(5), clear_refs).
    try Data("5".utf8).write(to: URL(fileURLWithPath: "/proc/self/clear_refs"))
    let before = try bytes("VmRSS")
    try body()
    return try bytes("VmHWM") - before
  }

  private static func bytes(_ key: String) throws -> Int {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix(key + ":") })
    let words = line.split(whereSeparator: \.isWhitespace)
    return try #require(Int(words[1])) << 10
  }
}
