import Foundation
import Synchronization
import Testing

@testable import vkxl

@Suite(.serialized) struct StopRequestTests {
  @Test func firstAsksSecondEnds() {
    let told = Mutex<[Int32]>([])
    let statuses = Mutex<[Int32]>([])
    let stop = StopRequest(
      onFirst: { number in told.withLock { $0.append(number) } },
      exit: { status in statuses.withLock { $0.append(status) } })
    #expect(!stop.isRequested)
    stop.receive(SIGTERM)
    #expect(stop.isRequested)
    #expect(statuses.withLock { $0 } == [])
    stop.receive(SIGINT)
    #expect(told.withLock { $0 } == [SIGTERM])
    #expect(statuses.withLock { $0 } == [130])
  }

  @Test func signalsOfTheSystemArrive() async throws {
    // User signals stand for SIGINT and SIGTERM: those would also reach the test runner's parts.
    let received = AsyncStream.makeStream(of: String.self)
    let stop = StopRequest(
      signals: [SIGUSR1, SIGUSR2], onFirst: { received.continuation.yield("asked by \($0)") },
      exit: { received.continuation.yield("ended with \($0)") })
    stop.listen()
    defer { stop.cancel() }
    var events = received.stream.makeAsyncIterator()
    kill(getpid(), SIGUSR1)
    #expect(await events.next() == "asked by \(SIGUSR1)")
    #expect(stop.isRequested)
    kill(getpid(), SIGUSR2)
    #expect(await events.next() == "ended with \(128 + SIGUSR2)")
  }
}
