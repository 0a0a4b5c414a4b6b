import Foundation

/// Measured values over a common axis: lines with error bars, and their names beside them.
public struct LineChart: Sendable {
  /// A measured value with its interval.
  public struct Value: Sendable, Equatable {
    public var x: Double
    public var y: Double
    /// Half of the interval's width; 0 draws none.
    public var deviation: Double

    public init(_ x: Double, _ y: Double, deviation: Double = 0) {
      self.x = x
      self.y = y
      self.deviation = deviation
    }
  }

  /// Values that belong together.
  public struct Series: Sendable {
    public var name: String
    public var values: [Value]
    /// Whether a line goes through the values; false where the axis has names and no order.
    public var isConnected: Bool

    public init(_ name: String, _ values: [Value], isConnected: Bool = true) {
      self.name = name
      self.values = values
      self.isConnected = isConnected
    }
  }

  /// How an axis is divided.
  public enum Scale: Sendable, Equatable {
    case linear
    /// Values at or below 0 are left out.
    case logarithmic
    /// Places 0, 1, 2, ... with names.
    case named([String])
  }

  public var title: String
  /// Under the title, in grey.
  public var subtitle: String
  public var xTitle: String
  public var yTitle: String
  public var xScale: Scale
  public var yScale: Scale
  public var series: [Series]

  public init(
    title: String, subtitle: String = "", xTitle: String, yTitle: String,
    xScale: Scale = .linear, yScale: Scale = .linear, series: [Series]
  ) {
    self.title = title
    self.subtitle = subtitle
    self.xTitle = xTitle
    self.yTitle = yTitle
    self.xScale = xScale
    self.yScale = yScale
    self.series = series
  }

  /// Draws it; series beyond the colours of `Colour.series` begin again with other markers.
  public func image(width: Int = 1200, height: Int = 640) -> Image {
    var canvas = Canvas(width: width, height: height)
    let frame = LineChartFrame(self, width: Double(width), height: Double(height))
    frame.drawAxes(on: &canvas)
    for index in series.indices { frame.draw(index, on: &canvas) }
    frame.drawLegend(on: &canvas)
    return canvas.image
  }
}

/// Where a line chart's parts lie on a canvas.
struct LineChartFrame {
  let chart: LineChart
  let xAxis: ChartAxis
  let yAxis: ChartAxis
  private let legendLeft: Double
  private let legendSize: Double

  private static let markerRadius = 4.5

  init(_ chart: LineChart, width: Double, height: Double) {
    self.chart = chart
    // Long names are written smaller rather than cut.
    let longest = chart.series.map { Canvas.textLength($0.name, size: 1) }.max() ?? 0
    let size = min(1.6, (width * 0.4 - 50) / max(longest, 1))
    legendSize = size
    legendLeft = width - longest * size - 50
    let values = chart.series.flatMap(\.values)
    xAxis = ChartAxis(chart.xScale, holding: values.map(\.x), from: 100, to: legendLeft - 24)
    let heights = values.flatMap { [$0.y - $0.deviation, $0.y, $0.y + $0.deviation] }
    yAxis = ChartAxis(chart.yScale, holding: heights, from: height - 70, to: 70)
  }

  private func colour(_ index: Int) -> Colour { Colour.series[index % Colour.series.count] }

  private func marker(_ index: Int) -> Marker {
    Marker.allCases[index / Colour.series.count % Marker.allCases.count]
  }

  func drawAxes(on canvas: inout Canvas) {
    ChartAxes(
      x: ChartAxes.Side(start: xAxis.start, end: xAxis.end, xAxis.ticks, at: xAxis.position),
      y: ChartAxes.Side(start: yAxis.start, end: yAxis.end, yAxis.ticks, at: yAxis.position),
      markLength: 0
    ).draw(
      on: &canvas, title: chart.title, subtitle: chart.subtitle, xTitle: chart.xTitle,
      yTitle: chart.yTitle)
  }

  /// A series, moved a little aside where the axis has names, so that none hides another.
  func draw(_ index: Int, on canvas: inout Canvas) {
    let series = chart.series[index]
    let shown = series.values.filter { xAxis.holds($0.x) && yAxis.holds($0.y) }
    let aside = 14 * (Double(index) - Double(chart.series.count - 1) / 2)
    let shift = series.isConnected ? 0 : aside
    let places = shown.map {
      CanvasPoint(xAxis.position($0.x) + shift, yAxis.position($0.y))
    }
    if series.isConnected {
      for (from, to) in zip(places, places.dropFirst()) {
        canvas.line(from, to, colour(index), thickness: 2)
      }
    }
    for (value, place) in zip(shown, places) {
      if value.deviation > 0 {
        let low = yAxis.clampedPosition(value.y - value.deviation)
        let high = yAxis.clampedPosition(value.y + value.deviation)
        canvas.line(CanvasPoint(place.x, low), CanvasPoint(place.x, high), colour(index))
        for end in [low, high] {
          canvas.line(CanvasPoint(place.x - 4, end), CanvasPoint(place.x + 4, end), colour(index))
        }
      }
      canvas.mark(marker(index), at: place, radius: Self.markerRadius, colour(index))
    }
  }

  func drawLegend(on canvas: inout Canvas) {
    for (index, series) in chart.series.enumerated() {
      let y = 80 + 26 * Double(index)
      canvas.mark(
        marker(index), at: CanvasPoint(legendLeft + 6, y), radius: Self.markerRadius,
        colour(index))
      canvas.text(series.name, at: CanvasPoint(legendLeft + 22, y), size: legendSize)
    }
  }
}

/// An axis of one of the three scales: values over a range of pixels.
struct ChartAxis: Sendable {
  let start: Double
  let end: Double
  private let scale: LineChart.Scale
  private let values: ClosedRange<Double>

  /// An axis that holds all of some values, with room to spare.
  init(_ scale: LineChart.Scale, holding values: [Double], from start: Double, to end: Double) {
    self.scale = scale
    self.start = start
    self.end = end
    let finite = values.filter(\.isFinite)
    let (low, high) = (finite.min() ?? 0, finite.max() ?? 1)
    switch scale {
    case .linear:
      let room = max(0.05 * (high - low), 1e-9)
      self.values = low - room...high + room
    case .logarithmic:
      self.values = LogAxis(holding: finite, room: 1.25, from: start, to: end).values
    case .named(let names): self.values = -0.5...Double(names.count) - 0.5
    }
  }

  /// Whether a value can be shown.
  func holds(_ value: Double) -> Bool { value.isFinite && (scale != .logarithmic || value > 0) }

  /// Where a value lies, in pixels.
  func position(_ value: Double) -> Double {
    if scale == .logarithmic { return LogAxis(values, from: start, to: end).position(value) }
    let share = (value - values.lowerBound) / (values.upperBound - values.lowerBound)
    return start + share * (end - start)
  }

  /// Where a value lies, or the end that it is beyond.
  func clampedPosition(_ value: Double) -> Double {
    position(min(max(value, values.lowerBound), values.upperBound))
  }

  /// Lines across the chart, those with a number or name named.
  var ticks: [LogAxis.Tick] {
    switch scale {
    case .logarithmic: return LogAxis(values, from: start, to: end).ticks
    case .named(let names):
      return names.enumerated().map { LogAxis.Tick(value: Double($0), label: $1) }
    case .linear:
      let step = StackedChart.tickStep(values.upperBound - values.lowerBound)
      let first = (values.lowerBound / step).rounded(.up)
      let last = (values.upperBound / step).rounded(.down)
      guard first <= last else { return [] }
      return stride(from: first, through: last, by: 1).map {
        LogAxis.Tick(value: $0 * step, label: Self.text($0 * step))
      }
    }
  }

  /// A number without the noise of its multiplication.
  private static func text(_ value: Double) -> String {
    let rounded = (value * 1e9).rounded() / 1e9
    return rounded == rounded.rounded() && abs(rounded) < 1e9
      ? String(Int(rounded)) : "\(rounded)"
  }
}
