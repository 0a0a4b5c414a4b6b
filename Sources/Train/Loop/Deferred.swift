import Synchronization

/// A value that is computed when it is first asked for, and then kept.
public final class Deferred<Value: Sendable>: Sendable {
  private let make: @Sendable () -> Value
  private let known = Mutex<Value?>(nil)

  public init(_ make: @escaping @Sendable () -> Value) { self.make = make }

  /// The value; asked for by several at a time, it is computed once.
  public var value: Value {
    known.withLock { known in
      if let value = known { return value }
      let value = make()
      known = value
      return value
    }
  }
}
