/// A chart with two logarithmic axes: lines with names, numbered points, and their names beside it.
public struct LogChart: Sendable {
  /// A line through points of the chart.
  public struct Line: Sendable {
    public var name: String
    public var points: [(x: Double, y: Double)]
    public var colour: Colour
    public var isDashed: Bool

    public init(
      _ name: String, _ points: [(x: Double, y: Double)], colour: Colour, isDashed: Bool = false
    ) {
      self.name = name
      self.points = points
      self.colour = colour
      self.isDashed = isDashed
    }
  }

  /// A marked value.
  public struct Point: Sendable {
    public var name: String
    public var x: Double
    public var y: Double
    public var colour: Colour
    public var marker: Marker

    public init(_ name: String, x: Double, y: Double, colour: Colour, marker: Marker) {
      self.name = name
      self.x = x
      self.y = y
      self.colour = colour
      self.marker = marker
    }
  }

  public var title: String
  /// Under the title, in grey.
  public var subtitle: String
  public var xTitle: String
  public var yTitle: String
  public var lines: [Line]
  public var points: [Point]

  public init(
    title: String, subtitle: String = "", xTitle: String, yTitle: String, lines: [Line],
    points: [Point]
  ) {
    self.title = title
    self.subtitle = subtitle
    self.xTitle = xTitle
    self.yTitle = yTitle
    self.lines = lines
    self.points = points
  }

  /// Draws it; 1200 x 800 pixels hold some fifty points.
  public func image(width: Int = 1200, height: Int = 800) -> Image {
    var canvas = Canvas(width: width, height: height)
    let frame = LogChartFrame(self, width: Double(width), height: Double(height))
    frame.drawAxes(on: &canvas)
    frame.drawLines(on: &canvas)
    frame.drawPoints(on: &canvas)
    frame.drawLegend(on: &canvas)
    return canvas.image
  }
}

/// Where a chart's parts lie on a canvas.
struct LogChartFrame {
  let chart: LogChart
  let xAxis: LogAxis
  let yAxis: LogAxis
  /// Left edge of the names beside the chart, and the distance from one to the next.
  private let legendLeft: Double
  private let legendStep: Double
  private let legendSize: Double
  private let width: Double

  private static let markerRadius = 5.0

  init(_ chart: LogChart, width: Double, height: Double) {
    self.chart = chart
    self.width = width
    let rows = Double(max(chart.points.count, 1))
    legendStep = min(22, (height - 90) / rows)
    let size = min(1.5, legendStep / 9)
    legendSize = size
    let longest = chart.points.map { Canvas.textLength($0.name, size: size) }.max() ?? 0
    let numbers = Canvas.textLength("00 ", size: size)
    legendLeft =
      chart.points.isEmpty ? width : width - min(longest + numbers + 40, width * 0.45)
    let linePoints = chart.lines.flatMap(\.points)
    xAxis = LogAxis(
      holding: chart.points.map(\.x) + linePoints.map(\.x), room: 1.2, from: 90,
      to: legendLeft - 24)
    yAxis = LogAxis(
      holding: chart.points.map(\.y) + linePoints.map(\.y), from: height - 70, to: 70)
  }

  func drawAxes(on canvas: inout Canvas) {
    ChartAxes(
      x: ChartAxes.Side(start: xAxis.start, end: xAxis.end, xAxis.ticks, at: xAxis.position),
      y: ChartAxes.Side(start: yAxis.start, end: yAxis.end, yAxis.ticks, at: yAxis.position),
      markLength: 6
    ).draw(
      on: &canvas, title: chart.title, subtitle: chart.subtitle, xTitle: chart.xTitle,
      yTitle: chart.yTitle)
  }

  func drawLines(on canvas: inout Canvas) {
    for line in chart.lines {
      let places = line.points.map { CanvasPoint(xAxis.position($0.x), yAxis.position($0.y)) }
      for (from, to) in zip(places, places.dropFirst()) {
        canvas.line(from, to, line.colour, thickness: 2, dash: line.isDashed ? 8 : 0)
      }
      // The name stands above the line's end on the right.
      guard let last = places.last else { continue }
      canvas.text(
        line.name, at: CanvasPoint(last.x - 4, last.y - 14), size: 1.5, line.colour, .trailing)
    }
  }

  func drawPoints(on canvas: inout Canvas) {
    let places = chart.points.map { CanvasPoint(xAxis.position($0.x), yAxis.position($0.y)) }
    for (point, place) in zip(chart.points, places) {
      canvas.mark(point.marker, at: place, radius: Self.markerRadius, point.colour)
    }
    guard chart.points.count > 1 else { return }
    var taken = places.map { LabelBox(centre: $0, width: 11, height: 11) }
    for (index, (point, place)) in zip(chart.points, places).enumerated() {
      let text = String(index + 1)
      let size = 1.4
      let box = LabelBox.free(
        around: place, width: Canvas.textLength(text, size: size) + 2, height: 11,
        avoiding: taken)
      taken.append(box)
      if box.distance(to: place) > 16 {
        canvas.line(place, box.centre, .lightGrey)
        canvas.mark(point.marker, at: place, radius: Self.markerRadius, point.colour)
      }
      canvas.text(text, at: box.centre, size: size, point.colour, .centred)
    }
  }

  func drawLegend(on canvas: inout Canvas) {
    for (index, point) in chart.points.enumerated() {
      let y = 70 + legendStep * (Double(index) + 0.5)
      canvas.mark(
        point.marker, at: CanvasPoint(legendLeft + 6, y),
        radius: min(Self.markerRadius, 0.4 * legendStep), point.colour)
      let numberEnd = legendLeft + 16 + Canvas.textLength("00", size: legendSize)
      if chart.points.count > 1 {
        canvas.text(
          String(index + 1), at: CanvasPoint(numberEnd, y), size: legendSize, point.colour,
          .trailing)
      }
      canvas.text(point.name, at: CanvasPoint(numberEnd + 8, y), size: legendSize)
    }
  }
}

/// Room that a label takes up.
struct LabelBox: Equatable {
  var centre: CanvasPoint
  var width: Double
  var height: Double

  func overlaps(_ other: LabelBox) -> Bool {
    abs(centre.x - other.centre.x) < (width + other.width) / 2
      && abs(centre.y - other.centre.y) < (height + other.height) / 2
  }

  func distance(to point: CanvasPoint) -> Double {
    let (dx, dy) = (centre.x - point.x, centre.y - point.y)
    return (dx * dx + dy * dy).squareRoot()
  }

  /// The place nearest to a point, of those in rings around it, that overlaps nothing; the first
  /// where all do.
  static func free(
    around point: CanvasPoint, width: Double, height: Double, avoiding taken: [LabelBox]
  ) -> LabelBox {
    let directions = [
      (1.0, 0.0), (0, -1), (-1, 0), (0, 1), (0.7, -0.7), (-0.7, -0.7), (0.7, 0.7), (-0.7, 0.7),
    ]
    let boxes = (0..<6).flatMap { ring in
      directions.map { (x, y) -> LabelBox in
        let reach = 7 + 9 * Double(ring)
        return LabelBox(
          centre: CanvasPoint(
            point.x + x * (reach + width / 2), point.y + y * (reach + height / 2)),
          width: width, height: height)
      }
    }
    return boxes.first { box in !taken.contains { $0.overlaps(box) } } ?? boxes[0]
  }
}
