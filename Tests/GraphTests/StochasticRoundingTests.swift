import Graph
import Testing

/// Stochastic rounding goes to one of the two neighbours, as often as the mean wants.
@Suite struct StochasticRoundingTests {
  static let values: [Float] = [
    0, 1, -1, 0.3, -0.3, 1.001, 65504, 3e-5, -1.7e-7, 2.98e-8, 6.1e-5, 1e-3, 123.456,
  ]

  @Test(arguments: [DType.f16, .bf16], values)
  func meanIsTheValue(dtype: DType, value: Float) {
    var sum = 0.0
    var found: Set<Double> = []
    for random in UInt16.min...UInt16.max {
      let rounded = StochasticRounding.rounded(Double(value), to: dtype, random: random)
      found.insert(rounded)
      sum += rounded
    }
    let spread = (found.max() ?? 0) - (found.min() ?? 0)
    #expect(found.count <= 2)
    #expect(abs(sum / 65536 - Double(value)) <= spread / 65536)
    // Neighbours: the value's own last place apart, and around it.
    let place =
      dtype == .f16
      ? max(Double(value.ulp) * 0x1p13, 0x1p-24) : Double(value.ulp) * 0x1p16
    #expect(spread == 0 || spread == place)
    #expect((found.min() ?? 1) <= Double(value) && Double(value) <= (found.max() ?? -1))
  }

  @Test(arguments: [Float.infinity, -.infinity, .nan])
  func whatIsNotFiniteStays(value: Float) {
    for random: UInt16 in [0, 0x7fff, 0xffff] {
      let half = FloatConversion.float(
        float16Bits: StochasticRounding.float16Bits(value, random: random))
      let brain = FloatConversion.float(
        bfloat16Bits: StochasticRounding.bfloat16Bits(value, random: random))
      #expect(value.isNaN ? half.isNaN && brain.isNaN : half == value && brain == value)
    }
  }

  /// Different elements, tensors, roles and updates draw different numbers, evenly.
  @Test func randomNumbersAreEven() {
    func draw(_ tensor: Int, _ step: Double, _ role: Int) -> [UInt16] {
      let random = UpdateRandom(seed: 1, tensor: tensor, step: step, role: role)
      return (0..<4096).map(random.bits)
    }
    let first = draw(0, 1, 0)
    #expect(Set(first).count > 3800)
    for other in [draw(1, 1, 0), draw(0, 2, 0), draw(0, 1, 1)] {
      #expect(zip(first, other).count(where: ==) < 5)
    }
    // Standard deviation of the mean: 65536 / sqrt(12 4096) = 296.
    let mean = first.reduce(0) { $0 + Double($1) } / 4096
    #expect(abs(mean - 32767.5) < 4 * 296)
  }
}
