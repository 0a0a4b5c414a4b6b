import Foundation
import Model
import Testing

@testable import Train

@Suite struct ValidationTests {
  /// Each sample once in each quarter, the samples of a quarter spread evenly.
  @Test func positionsCoverTheBands() {
    for band in 0..<Validation.bandCount {
      let positions = (0..<100).map { Validation.position(band: band, sample: $0) }.sorted()
      #expect((positions.first ?? 0) >= Double(band) / 4)
      #expect((positions.last ?? 1) < Double(band + 1) / 4)
      // 100 golden steps leave no gap wider than the golden ratio to the power of -9 (0.013156).
      let gaps = zip(positions.dropFirst(), positions).map { ($0 - $1) * 4 }
      #expect((gaps.max() ?? 1) < 0.01316)
    }
  }

  /// While a network is moved from epsilon, an error of its output is one of the target that it is
  /// moved to: (e - x) / (1 - t) has 1 / (1 - t) of epsilon's error, in the scale of flow's input.
  @Test func errorsCountInTermsOfTheObjective() {
    let flow = Objective(prediction: .flow, schedule: .plain, easing: Easing(steps: 4))
    for time in [0.1, 0.5, 0.9] {
      let own = flow.parametrization(at: time)
      let start = flow.parametrization(at: time, progress: 0)
      #expect(abs(start.errorFactor(to: own) * (1 - time) - 1) < 1e-9)
      #expect(own.errorFactor(to: own) == 1)
    }
    let v = Objective(prediction: .v, schedule: .plain, easing: Easing(steps: 4))
    let own = v.parametrization(at: 400)
    let start = v.parametrization(at: 400, progress: 0)
    #expect(abs(start.errorFactor(to: own) * own.signal - 1) < 1e-9)
  }
}
