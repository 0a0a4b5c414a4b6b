import Graph
import Testing
import VKRuntime

@testable import Shaders

/// Variables that the host cannot reach, as on a discrete GPU.
@Suite struct StagingTests {
  let backend: VulkanBackend
  /// Halves of 1 KiB.
  static let ringByteCount = 2048

  init() throws {
    backend = VulkanBackend(
      try Device(assumesDiscrete: true), stagingByteCount: Self.ringByteCount)
  }

  // Less than an alignment, exactly a half, one more, many halves; odd numbers of bytes.
  static let sizes = [1, 3, 64, 65, 256, 257, 5000, 255, 2]

  static func values(_ size: Int, _ seed: Int) -> TensorData {
    TensorData([size], (0..<size).map { Float($0 * 7 + seed) })
  }

  @Test func keepsWhatIsWritten() throws {
    let variables = Self.sizes.enumerated().map { index, size in
      Variable(name: "v\(index)", type: TensorType([size]), kind: .state)
    }
    #expect(!backend.device.mapsDeviceArenas)
    let before = backend.device.memoryStatistics.byteCount
    let store = try backend.makeStore(variables)
    let planned =
      try VariableLayout(variables, limits: backend.planningLimits).byteCount
      + backend.stagingByteCount(variables)
    #expect(backend.stagingByteCount(variables) == Self.ringByteCount)
    #expect(store.allocatedByteCount == planned)
    #expect(Int(backend.device.memoryStatistics.byteCount - before) == planned)
    for round in 0..<2 {
      for (index, size) in Self.sizes.enumerated() {
        try store.write(Self.values(size, index + round), to: "v\(index)")
      }
      for (index, size) in Self.sizes.enumerated().reversed() {
        #expect(try store.read("v\(index)") == Self.values(size, index + round))
      }
    }
    #expect(Int(backend.device.memoryStatistics.byteCount - before) == planned)
  }

  @Test func writesManyTensorsInFewSubmissions() throws {
    let variables = (0..<100).map { index in
      Variable(name: "v\(index)", type: TensorType([8]), kind: .state)
    }
    let store = try #require(try backend.makeStore(variables) as? VulkanStore)
    let before = store.timeline.lastSubmittedValue
    for index in 0..<100 { try store.write(Self.values(8, index), to: "v\(index)") }
    try store.flushWrites()
    // Four tensors, each rounded up to 256 bytes, fill a half.
    #expect(store.timeline.lastSubmittedValue - before == 25)
    for index in 0..<100 { #expect(try store.read("v\(index)") == Self.values(8, index)) }
  }

  @Test func writesTakeTheirTurnBetweenRuns() throws {
    let graph = Graph()
    let state = graph.variable("state", TensorType([1000]), .state)
    graph.output("seen", Tensor.apply(Copy(), [state])[0])
    let store = try backend.makeStore(graph.variables)
    let program = try store.load(backend.plan(graph))
    try store.write(Self.values(1000, 1), to: "state")
    let first = try program.submit([:])
    try store.write(Self.values(1000, 2), to: "state")
    let second = try program.submit([:])
    #expect(try first.wait()["seen"] == Self.values(1000, 1))
    #expect(try second.wait()["seen"] == Self.values(1000, 2))
  }

  private struct Stop: Error {}

  /// Pieces begin at whole elements; who stops in between leaves everything as it was.
  @Test func readersAndWritersMayStop() throws {
    let variables = (0..<2).map {
      Variable(name: "v\($0)", type: TensorType([5000]), kind: .state)
    }
    let store = try backend.makeStore(variables)
    for round in 0..<2 {
      try store.write(Self.values(5000, round), to: "v0")
      var pieces: [Int] = []
      #expect(throws: Stop.self) {
        try store.read("v0", bytes: 0..<20_000) { bytes in
          pieces.append(bytes.count)
          if pieces.count == 3 { throw Stop() }
        }
      }
      #expect(pieces == [1024, 1024, 1024])
      #expect(throws: Stop.self) {
        try store.write(to: "v1") { bytes, target in
          #expect(bytes.count == target.count && bytes.lowerBound.isMultiple(of: 256))
          if bytes.lowerBound > 4000 { throw Stop() }
          target.initializeMemory(as: UInt8.self, repeating: 1)
        }
      }
      try store.write(Self.values(5000, 7), to: "v1")
      #expect(try store.read("v1") == Self.values(5000, 7))
      #expect(try store.read("v0") == Self.values(5000, round))
      var middle: [UInt8] = []
      try store.read("v0", bytes: 4000..<12_000) { middle += $0 }
      #expect(middle == Array(Self.values(5000, round).bytes[4000..<12_000]))
    }
  }
}
