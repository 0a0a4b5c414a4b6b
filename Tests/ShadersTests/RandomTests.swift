import Graph
import Testing

/// Philox normals against their meaning and against the normal distribution.
@Suite struct RandomTests {
  /// The radius is `sqrt(-2 ln u)` of 32 bits and its angle exact to 1e-7: nearly every number is
  /// within a few units in the last place.
  @Test(arguments: OperationCase.randomCases)
  func kernels(_ operation: OperationCase) throws { try operation.expectKernel(tolerance: 3e-7) }

  /// Each number by itself, small ones too: where the angle is near a quarter turn, the error is
  /// that of the angle, 1e-7 of the radius.
  @Test func everyNumber() throws {
    let operation = OperationCase(
      PhiloxNormal(shape: [1 << 18]), [TensorType([1, 5], .i32)],
      fills: [0: .values([7, 0, 3, 11, 0])])
    let inputs = operation.makeInputs()
    let found = try operation.run(on: SharedBackend.vulkan, inputs)[0].values
    let expected = try operation.run(on: ReferenceBackend(), inputs)[0].values
    let worst = zip(found, expected).map { abs($0 - $1) / max(1, abs($1)) }.max() ?? .infinity
    #expect(worst < 1e-6)
  }

  /// Moments of 2^20 numbers. The standard errors of the first four are 1, sqrt(2), sqrt(15) and
  /// sqrt(96) times 2^-10; the bounds are five of them (the keys are fixed, so the result is too).
  @Test func moments() throws {
    let count = 1 << 18
    let operation = OperationCase(
      PhiloxNormal(shape: [count]), [TensorType([4, 5], .i32)],
      fills: [0: .values([7, 0, 3, 11, 0, 7, 0, 4, 11, 0, 8, 0, 3, 11, 0, 7, 0, 3, 11, 1])])
    let z = try operation.run(on: SharedBackend.vulkan, operation.makeInputs())[0].values
    let moment = { (power: Int) -> Double in
      z.reduce(0) { sum, value in sum + (0..<power).reduce(1) { p, _ in p * value } }
        / Double(z.count)
    }
    let error = 0x1p-10
    #expect(abs(moment(1)) < 5 * error)
    #expect(abs(moment(2) - 1) < 5 * 1.42 * error)
    #expect(abs(moment(3)) < 5 * 3.88 * error)
    #expect(abs(moment(4) - 3) < 5 * 9.8 * error)
    // Neighbours and streams are independent: correlations have the standard error 2^-10 too.
    let neighbours = zip(z, z.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 } / Double(z.count)
    #expect(abs(neighbours) < 5 * error)
    for other in 1..<4 {
      let products = zip(z[..<count], z[(other * count)...]).reduce(0) { $0 + $1.0 * $1.1 }
      #expect(abs(products / Double(count)) < 5 * 0x1p-9)
    }
  }
}
