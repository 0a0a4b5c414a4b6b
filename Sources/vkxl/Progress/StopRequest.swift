import Dispatch
import Foundation
import Synchronization

/// Notices SIGINT (Ctrl-C) and SIGTERM: the first asks the run to end after its step, a second
/// ends the process at once with status 128 + signal (130 for Ctrl-C).
final class StopRequest: Sendable {
  private let count = Atomic<Int>(0)
  private let sources: Mutex<[any DispatchSourceSignal]>
  private let signals: [Int32]
  private let onFirst: @Sendable (Int32) -> Void
  private let exit: @Sendable (Int32) -> Void

  /// - Parameters:
  ///   - onFirst: Told of the first signal, on a queue of its own; for a message.
  ///   - exit: How the process ends at a second signal; tests put something else here.
  init(
    signals: [Int32] = [SIGINT, SIGTERM],
    onFirst: @escaping @Sendable (Int32) -> Void = { _ in },
    exit: @escaping @Sendable (Int32) -> Void = { _exit($0) }
  ) {
    self.signals = signals
    self.onFirst = onFirst
    self.exit = exit
    sources = Mutex([])
  }

  /// Starts to listen; from its return until `cancel`, the signals do not end the process by
  /// themselves.
  func listen() {
    let queue = DispatchQueue(label: "vkxl.signals", qos: .userInteractive)
    let registered = DispatchSemaphore(value: 0)
    sources.withLock { sources in
      for number in signals {
        #if canImport(Darwin)
          // There a source sees a signal only beside the default action, which would end the
          // process; on Linux dispatch installs a handler, and an ignored signal never arrives.
          signal(number, SIG_IGN)
        #endif
        let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
        source.setEventHandler { [weak self] in self?.receive(number) }
        source.setRegistrationHandler { registered.signal() }
        source.resume()
        sources.append(source)
      }
    }
    for _ in signals { registered.wait() }
  }

  /// Stops listening and gives the signals their usual effect back.
  func cancel() {
    sources.withLock { sources in
      for source in sources { source.cancel() }
      sources.removeAll()
    }
    for number in signals { signal(number, SIG_DFL) }
  }

  /// Whether the run should end after the step it is in.
  var isRequested: Bool {
    count.load(ordering: .acquiring) > 0
  }

  /// What a signal does; signals call it, and tests.
  func receive(_ number: Int32) {
    let before = count.wrappingAdd(1, ordering: .acquiringAndReleasing).oldValue
    if before == 0 {
      onFirst(number)
    } else {
      exit(128 + number)
    }
  }
}
