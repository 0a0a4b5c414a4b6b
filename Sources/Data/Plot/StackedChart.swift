import Foundation

/// Amounts over time, stacked: one area on another, with their names beside them.
public struct StackedChart: Sendable {
  /// One area.
  public struct Area: Sendable {
    public var name: String
    /// One for each step in time.
    public var values: [Double]
    public var colour: Colour

    public init(_ name: String, _ values: [Double], colour: Colour) {
      self.name = name
      self.values = values
      self.colour = colour
    }
  }

  public var title: String
  /// Under the title, in grey.
  public var subtitle: String
  public var xTitle: String
  public var yTitle: String
  /// From below; all with as many values.
  public var areas: [Area]
  /// A line across the chart with its name; nil for none.
  public var limit: (name: String, value: Double)?

  public init(
    title: String, subtitle: String = "", xTitle: String, yTitle: String, areas: [Area],
    limit: (name: String, value: Double)? = nil
  ) {
    self.title = title
    self.subtitle = subtitle
    self.xTitle = xTitle
    self.yTitle = yTitle
    self.areas = areas
    self.limit = limit
  }

  private static let textSize = 1.8
  private static let left = 90.0
  private static let top = 70.0

  /// Steps of 1, 2 or 5 times a power of ten: four to ten of them reach the value.
  static func tickStep(_ highest: Double) -> Double {
    let power = pow(10, log10(highest / 4).rounded(.down))
    return [5, 2, 1].map { $0 * power }.first { highest / $0 >= 4 } ?? power
  }

  /// Draws it.
  public func image(width: Int = 1200, height: Int = 800) -> Image {
    var canvas = Canvas(width: width, height: height)
    let right = Double(width) - 30 - legendWidth
    let bottom = Double(height) - 70
    let count = areas.map(\.values.count).min() ?? 0
    let totals = (0..<count).map { step in areas.reduce(0) { $0 + $1.values[step] } }
    let highest = max(totals.max() ?? 0, limit?.value ?? 0, .leastNormalMagnitude) * 1.05
    let y = { (value: Double) in bottom - value / highest * (bottom - Self.top) }
    drawAxis(on: &canvas, right: right, bottom: bottom, highest: highest, y)
    // A column of pixels shows the most that its steps reach.
    let columns = Int(right - Self.left)
    for column in 0..<columns where count > 0 {
      let first = column * count / columns
      let last = max(first + 1, (column + 1) * count / columns)
      guard let step = (first..<last).max(by: { totals[$0] < totals[$1] }) else { continue }
      var below = 0.0
      for area in areas {
        let above = below + area.values[step]
        canvas.fill(
          left: Self.left + Double(column), top: y(above), width: 1, height: y(below) - y(above),
          area.colour)
        below = above
      }
    }
    drawLimit(on: &canvas, right: right, y)
    drawLegend(on: &canvas, left: right + 16)
    return canvas.image
  }

  private var legendWidth: Double {
    (areas.map { Canvas.textLength($0.name, size: Self.textSize) }.max() ?? 0) + 40
  }

  private func drawAxis(
    on canvas: inout Canvas, right: Double, bottom: Double, highest: Double,
    _ y: (Double) -> Double
  ) {
    let step = Self.tickStep(highest)
    for index in 0...Int(highest / step) {
      let value = Double(index) * step
      canvas.line(CanvasPoint(Self.left, y(value)), CanvasPoint(right, y(value)), .lightGrey)
      canvas.text(
        LogAxis.text((value * 1e6).rounded() / 1e6), at: CanvasPoint(Self.left - 10, y(value)),
        size: Self.textSize, .black, .trailing)
    }
    let origin = CanvasPoint(Self.left, bottom)
    canvas.line(origin, CanvasPoint(right, bottom), .black, thickness: 1.5)
    canvas.line(origin, CanvasPoint(Self.left, Self.top), .black, thickness: 1.5)
    canvas.text(
      xTitle, at: CanvasPoint((Self.left + right) / 2, bottom + 30), size: Self.textSize, .black,
      .centred)
    canvas.text(
      yTitle, at: CanvasPoint(20, (Self.top + bottom) / 2), size: Self.textSize, .black, .centred,
      isVertical: true)
    canvas.text(title, at: CanvasPoint(Self.left, 24), size: 2.2)
    canvas.text(subtitle, at: CanvasPoint(Self.left, 48), size: 1.5, .grey)
  }

  private func drawLimit(on canvas: inout Canvas, right: Double, _ y: (Double) -> Double) {
    guard let limit else { return }
    let place = y(limit.value)
    canvas.line(
      CanvasPoint(Self.left, place), CanvasPoint(right, place), .black, thickness: 1.5, dash: 8)
    canvas.text(
      limit.name, at: CanvasPoint(right - 4, place - 12), size: 1.5, .black, .trailing)
  }

  private func drawLegend(on canvas: inout Canvas, left: Double) {
    for (index, area) in areas.reversed().enumerated() {
      let y = Self.top + 24 * (Double(index) + 0.5)
      canvas.fill(left: left, top: y - 7, width: 14, height: 14, area.colour)
      canvas.text(area.name, at: CanvasPoint(left + 22, y), size: Self.textSize)
    }
  }
}
