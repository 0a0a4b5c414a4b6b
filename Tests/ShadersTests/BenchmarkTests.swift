import Graph
import Testing
import VKRuntime

@testable import Shaders

@Suite struct BenchmarkTests {
  /// The loop that is timed is really run: its kernel against its meaning.
  @Test func multiplyAddComputes() throws {
    try OperationCase(MultiplyAdd(rounds: 3), [TensorType([1000])]).expectKernel()
  }

  /// The same on matrix units, played by plain loops.
  @Test func matrixMultiplyAddComputes() throws {
    let shape = MatrixShape(m: 16, n: 8, k: 16, operands: .f16, sums: .f32)
    let units = BlockTile.MatrixUnits(
      shape: shape, subgroupSize: 8, subgroupRows: 1, subgroupColumns: 1, isEmulated: true)
    let operation = MatrixMultiplyAdd(units: units, rounds: 3)
    try OperationCase(operation, [TensorType([5])]).expectKernel()
    let result = TensorType([5, MatrixMultiplyAdd.chainCount])
    #expect(
      operation.flopCount([TensorType([5])], outputs: [result])
        == 2 * 16 * 8 * 16 * 4 * 3 * result.elementCount)
  }

  @Test func multiplyAddCounts() {
    let type = TensorType([10])
    #expect(
      MultiplyAdd(rounds: 2).flopCount([type], outputs: [type])
        == 2 * MultiplyAdd.chainCount * 8 * 2 * 10)
  }

  /// Every case fits its operation's shape rule, in every storage, and has a name of its own.
  @Test(arguments: [(1, DType.f32, DType.f32), (2, .f32, .bf16), (1, .f16, .f16)])
  func casesAreWellFormed(_ batch: Int, _ activations: DType, _ weights: DType) throws {
    let cases = KernelCases(batch: batch, activations: activations, weights: weights).all
    for kernel in cases { _ = try kernel.operation.outputTypes(kernel.inputs) }
    #expect(Set(cases.map { "\($0.name) \($0.shape)" }).count == cases.count)
    #expect(cases.count > 40)
  }

  /// Known counts: a product of M x N x K takes 2 M N K, attention's gradient 2.5 times attention.
  @Test func casesCountTheirWork() throws {
    let cases = KernelCases(batch: 1, activations: .f32, weights: .f32).all
    func flops(_ name: String, _ shape: String) throws -> Int {
      let kernel = try #require(cases.first { $0.name == name && $0.shape == shape })
      return kernel.operation.flopCount(
        kernel.inputs, outputs: try kernel.operation.outputTypes(kernel.inputs))
    }
    for name in ["product", "product dx", "product dw"] {
      #expect(try flops(name, "4096x5120x640") == 2 * 4096 * 5120 * 640)
    }
    for name in ["convolution", "convolution dx", "convolution dw"] {
      #expect(try flops(name, "320 at 128x128") == 2 * 128 * 128 * 320 * 320 * 9)
    }
    let forward = try flops("attention", "10 heads 4096x4096")
    #expect(forward == 2 * 2 * 10 * 4096 * 4096 * 64)
    #expect(try flops("attention gradient", "10 heads 4096x4096") * 2 == forward * 5)
  }

  @Test func filtersLookAtNameShapeAndOperation() {
    let cases = KernelCases(batch: 1, activations: .f32, weights: .f32).all
    func names(_ filter: String) -> Set<String> {
      Set(cases.filter { $0.matches(filter) }.map(\.name))
    }
    #expect(names("philox") == ["Philox noise"])
    #expect(names("77") == ["attention", "attention gradient"])
    #expect(names("matrix_product").contains("product dw"))
    #expect(names("nothing").isEmpty)
  }

  @Test func measurementTimesAKernel() throws {
    let kernel = KernelCase(
      "add", "64x64", .memory, Add(), [TensorType([64, 64]), TensorType([64, 64])])
    let measured = try kernel.measure(on: SharedBackend.vulkan, minimumSeconds: 0.001)
    #expect(measured.seconds > 0 && measured.seconds < 1)
    #expect(measured.byteCount == 3 * 64 * 64 * 4 && measured.flopCount == 64 * 64)
    #expect(measured.choice == nil && measured.ceiling == .copy)
    #expect(measured.intensity == 1.0 / 12)
  }

  @Test func emptyLaunchesCostLittle() throws {
    let seconds = try SharedBackend.vulkan.launchSeconds()
    #expect(seconds > 0 && seconds < 0.005)
  }
}
