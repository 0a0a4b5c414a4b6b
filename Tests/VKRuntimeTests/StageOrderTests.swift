import Testing

@testable import VKRuntime

@Suite struct StageOrderTests {
  /// A kind of command that has come since the last barrier waits for nothing more.
  @Test func waitsOncePerKind() {
    var order = StageOrder()
    #expect(order.sources(before: .compute) == nil)
    order.barrier()
    #expect(order.sources(before: .compute) == .compute)
    #expect(order.sources(before: .compute) == nil)
    #expect(order.sources(before: .transfer) == .compute)
    #expect(order.sources(before: .transfer) == nil)
    order.barrier()
    #expect(order.sources(before: .compute) == .all)
  }

  /// Through a copy a dispatch waits for the dispatch before the copy.
  @Test func waitsThroughOtherKinds() {
    var order = StageOrder()
    let kinds: [(Stages, Stages)] = [
      (.compute, .all), (.transfer, .compute), (.compute, .transfer),
    ]
    for (stage, expected) in kinds {
      order.barrier()
      #expect(order.sources(before: stage) == expected)
    }
  }

  /// Barriers with nothing between them are one.
  @Test func emptyStretchesDoNotForget() {
    var order = StageOrder()
    order.barrier()
    _ = order.sources(before: .transfer)
    order.barrier()
    order.barrier()
    #expect(order.sources(before: .compute) == .transfer)
  }
}
