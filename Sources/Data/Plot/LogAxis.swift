import Foundation

/// A logarithmic axis: values over a range of pixels.
public struct LogAxis: Sendable, Equatable {
  /// The ends, both above 0.
  public let values: ClosedRange<Double>
  /// Where the lower and the upper end lie; y axes begin further down.
  public let start: Double
  public let end: Double

  /// - Precondition: 0 < lower end < upper end
  public init(_ values: ClosedRange<Double>, from start: Double, to end: Double) {
    precondition(0 < values.lowerBound && values.lowerBound < values.upperBound)
    self.values = values
    self.start = start
    self.end = end
  }

  /// An axis that holds all of some values above 0, with room to spare; others are left out.
  ///
  /// - Parameter room: factor between the outermost values and the ends
  public init(holding values: [Double], room: Double = 1.6, from start: Double, to end: Double) {
    let shown = values.filter { $0 > 0 && $0.isFinite }
    let (low, high) = (shown.min() ?? 1, shown.max() ?? 1)
    self.init(low / room...high * room, from: start, to: end)
  }

  /// Where a value lies, in pixels; outside the ends it goes on.
  public func position(_ value: Double) -> Double {
    let (low, high) = (log(values.lowerBound), log(values.upperBound))
    return start + (log(value) - low) / (high - low) * (end - start)
  }

  /// A line across the chart, with a text unless it is one between.
  public struct Tick: Sendable, Equatable {
    public var value: Double
    public var label: String?
  }

  /// Powers of ten with their numbers, and 2 to 9 times these: with numbers too at 2 and 5 where
  /// there are fewer than two powers of ten.
  public var ticks: [Tick] {
    let first = Int(log10(values.lowerBound).rounded(.down))
    let last = Int(log10(values.upperBound).rounded(.up))
    let powers = (first...last).filter { values.contains(pow(10, Double($0))) }
    return (first...last).flatMap { exponent in
      (1...9).compactMap { factor -> Tick? in
        // Divided, because negative powers of ten are not exact.
        let value =
          exponent < 0
          ? Double(factor) / pow(10, Double(-exponent))
          : Double(factor) * pow(10, Double(exponent))
        guard values.contains(value) else { return nil }
        let isNamed = factor == 1 || (powers.count < 2 && (factor == 2 || factor == 5))
        return Tick(value: value, label: isNamed ? Self.text(value) : nil)
      }
    }
  }

  /// A number without more digits than it needs.
  static func text(_ value: Double) -> String {
    value >= 1 && value < 1e9 ? String(Int(value)) : "\(value)"
  }
}
