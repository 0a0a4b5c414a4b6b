/// Values for numbers in a range, made ahead of their use by concurrent tasks and given in order.
///
/// At most `ahead` values wait or are being made while the consumer uses one. The first error ends
/// the sequence, at its place in the order; leaving the loop early cancels what is under way.
public struct Prefetch<Element: Sendable>: AsyncSequence, Sendable {
  let range: Range<Int>
  let ahead: Int
  let make: @Sendable (Int) async throws -> Element

  /// - Parameters:
  ///   - range: the numbers, such as the steps to train.
  ///   - ahead: how many values to make beforehand, at least 1.
  ///   - make: makes the value of a number; called concurrently.
  public init(
    _ range: Range<Int>, ahead: Int, make: @escaping @Sendable (Int) async throws -> Element
  ) {
    precondition(ahead >= 1)
    self.range = range
    self.ahead = ahead
    self.make = make
  }

  public func makeAsyncIterator() -> Iterator { Iterator(self) }

  /// Gives the values in order.
  public struct Iterator: AsyncIteratorProtocol {
    private let work: Work

    init(_ source: Prefetch) { work = Work(source) }

    /// - Throws: what making the value threw.
    public mutating func next() async throws -> Element? {
      guard let task = work.nextTask() else { return nil }
      do {
        return try await withTaskCancellationHandler {
          try await task.value
        } onCancel: {
          task.cancel()
        }
      } catch {
        work.stop()
        throw error
      }
    }
  }

  /// The tasks under way. A class, so that they are cancelled when the iterator goes.
  private final class Work {
    private let source: Prefetch
    private var next: Int
    private var tasks: [Task<Element, any Error>] = []

    init(_ source: Prefetch) {
      self.source = source
      next = source.range.lowerBound
    }

    deinit { stop() }

    func nextTask() -> Task<Element, any Error>? {
      while tasks.count <= source.ahead, next < source.range.upperBound {
        let make = source.make
        let number = next
        tasks.append(
          Task {
            try Task.checkCancellation()
            return try await make(number)
          })
        next += 1
      }
      return tasks.isEmpty ? nil : tasks.removeFirst()
    }

    func stop() {
      for task in tasks { task.cancel() }
      tasks = []
      next = source.range.upperBound
    }
  }
}
